"""The Methods page: better settings are searched as a job, said in words, and taken over by a button."""

import pytest

from orthoui.data import Dataset
from orthoui.ledger import Result, Run, RunFilter, ledger
from tests.pages.engines import Engine, carry_out, install
from tests.pages.opening import opened, run, text, view

METHODS = "pages/lab/methods.py"
SEARCH = "method_search_gradient-ascent"
TUNED = "method_tuned_gradient-ascent"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, few_images: Dataset) -> Engine:
    return install(monkeypatch)


def found() -> Run:
    (one,) = ledger().find(RunFilter(kind=("search",)))
    return one


def test_a_search_runs_as_a_job_and_what_it_finds_can_be_taken_over() -> None:
    app = opened(METHODS, classes="7", methods="gradient-ascent")
    assert app.button(key=SEARCH).label == "Search better settings (8)"
    app.button(key=SEARCH).click()
    run(app)
    assert found().title.startswith("Search settings of Gradient ascent: forget Sneaker")
    assert "A search is under way" in text(app)
    assert SEARCH not in {button.key for button in app.button}
    assert len(carry_out(found().id).metrics["search"]["tried"]) == 8
    app = opened(METHODS, classes="7", methods="gradient-ascent")
    assert "Searched: " in text(app)
    assert app.button(key=SEARCH).label == "Search again"
    assert "A search is under way" not in text(app)


def test_what_was_found_is_taken_over_for_this_class_alone() -> None:
    app = opened(METHODS, classes="7", methods="gradient-ascent")
    app.button(key=SEARCH).click()
    run(app)
    job = found()
    ticket = ledger().queue.hand_out(job.id, "elsewhere:1:1")
    assert ticket is not None
    attempt = ledger().queue.start(job.id, ticket, worker="elsewhere:2:2", folder="")
    assert attempt is not None
    tried = [
        {"settings": {}, "forgotten": 97.0, "kept": 92.0, "seconds": 1.0},
        {"settings": {"learning_rate": 0.001}, "forgotten": 2.0, "kept": 90.0, "seconds": 1.0},
    ]
    attempt.finish(Result(metrics={"search": {"before": 92.0, "tried": tried}}))
    app = opened(METHODS, classes="7", methods="gradient-ascent")
    assert "2 settings tried; the best forgets and keeps (2 % of the class left, others −2.0" in text(app)
    app.button(key=TUNED).click()
    run(app)
    assert view(app).settings == ("gradient-ascent.learning_rate=0.001",)
    app = opened(METHODS, classes="5", methods="gradient-ascent")
    assert "2 settings tried" not in text(app)


def test_a_method_without_a_search_offers_none() -> None:
    app = opened(METHODS, classes="7", methods="logit-mask")
    assert not [button for button in app.button if str(button.key).startswith("method_search")]
