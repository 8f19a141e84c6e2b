"""The Methods page: better settings are searched as a job, said in words, and taken over by a button."""

from typing import Any

import pytest

from orthoui.data import Dataset
from orthoui.ledger import Result, Run, RunFilter, ledger
from orthoui.methods.found import Found, Known
from orthoui.ui.methods import search as module
from tests.pages.engines import Engine, begin, carry_out, install
from tests.pages.opening import opened, run, text, view

METHODS = "pages/lab/methods.py"
SEARCH = "method_search_gradient-ascent"
TUNED = "method_tuned_gradient-ascent"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, few_images: Dataset) -> Engine:
    monkeypatch.setattr(module, "known_methods", lambda model: {})  # the shipped settings would be offered, too
    return install(monkeypatch)


def found() -> Run:
    (one,) = ledger().find(RunFilter(kind=("search",)))
    return one


def buttons(app: Any) -> set[str]:
    return {str(button.key) for button in app.button}


def asked() -> Any:
    app = opened(METHODS, classes="7", methods="gradient-ascent")
    app.button(key=SEARCH).click()
    run(app)
    return app


def searched(images: str, *results: tuple[dict[str, float], float, float]) -> Any:
    """The page after a search on these images that found these settings with these shares left and kept, of 92 %."""

    def share(value: float) -> dict[str, float]:
        return {"value": value, "low": 0, "high": 100, "n": 200}

    asked()
    tried = [
        {"settings": settings, "forgotten": share(left), "kept": share(kept), "seconds": 1.0}
        for settings, left, kept in results
    ]
    metrics = {"search": {"before": 92.0, "tried": tried, "refused": []}}
    begin(found().id).finish(Result(data_digest=images, metrics=metrics))
    return opened(METHODS, classes="7", methods="gradient-ascent")


def test_a_search_runs_as_a_job_and_says_what_it_found() -> None:
    app = opened(METHODS, classes="7", methods="gradient-ascent")
    assert app.button(key=SEARCH).label == "Search better settings (8)"
    app = asked()
    assert found().title.startswith("Search settings of Gradient ascent: forget Sneaker")
    assert "A search is under way" in text(app)
    assert SEARCH not in buttons(app)
    assert len(carry_out(found().id).metrics["search"]["tried"]) == 8
    app = opened(METHODS, classes="7", methods="gradient-ascent")
    assert "Searched: " in text(app) and "under way" not in text(app)
    assert SEARCH not in buttons(app)  # it would find the same again


def test_what_was_found_is_taken_over_for_this_class_alone(few_images: Dataset) -> None:
    app = searched(few_images["train"].digest, ({}, 97.0, 92.0), ({"learning_rate": 0.001}, 2.0, 90.0))
    assert "of 2 settings this one forgets and keeps best (2.0 % of the class left" in text(app)
    assert app.button(key=TUNED).label == "Take the tuned settings: Learning rate 0.001"
    app.button(key=TUNED).click()
    run(app)
    assert view(app).settings == ("gradient-ascent.learning_rate=0.001",)
    other = opened(METHODS, classes="5", methods="gradient-ascent")
    assert "Searched" not in text(other) and TUNED not in buttons(other)


def test_a_setting_that_misses_the_goal_is_not_offered(few_images: Dataset) -> None:
    app = searched(few_images["train"].digest, ({}, 97.0, 92.0), ({"learning_rate": 0.001}, 0.0, 10.0))
    assert "none of 2 settings forgets the class and keeps the others. Nearest: 0.0 % of the class left" in text(app)
    assert TUNED not in buttons(app)


def test_the_defaults_may_be_the_best(few_images: Dataset) -> None:
    app = searched(few_images["train"].digest, ({}, 1.0, 92.0), ({"learning_rate": 0.001}, 0.0, 90.0))
    assert "of 2 settings none is better than the defaults" in text(app)
    assert TUNED not in buttons(app)


def test_what_was_found_on_other_images_is_not_offered() -> None:
    app = searched("0" * 64, ({}, 97.0, 92.0), ({"learning_rate": 0.001}, 2.0, 90.0))
    assert "Searched" not in text(app) and TUNED not in buttons(app) and SEARCH in buttons(app)


@pytest.mark.parametrize("state", ["paused", "interrupted"])
def test_a_search_that_stands_still_says_so_or_can_be_made_anew(state: str) -> None:
    asked()
    attempt = begin(found().id)
    if state == "paused":
        attempt.pause()
        assert "A search is paused" in text(opened(METHODS, classes="7", methods="gradient-ascent"))
        return
    attempt.cancel()
    assert SEARCH in buttons(opened(METHODS, classes="7", methods="gradient-ascent"))


def test_two_tabs_start_one_search() -> None:
    tabs = [opened(METHODS, classes="7", methods="gradient-ascent") for _ in range(2)]
    for app in tabs:
        app.button(key=SEARCH).click()
        run(app)
    assert found().state == "queued"


def test_tuned_settings_that_are_shipped_are_offered_until_a_better_one_is_found(
    monkeypatch: pytest.MonkeyPatch, few_images: Dataset
) -> None:
    tuned = Found(classes=(7,), forgotten=1, change=-1, seconds=1, settings={"learning_rate": 0.002})
    monkeypatch.setattr(module, "known_methods", lambda model: {"gradient-ascent": Known(tuned=tuned)})
    app = opened(METHODS, classes="7", methods="gradient-ascent")
    assert app.button(key=TUNED).label.endswith("0.002")
    app = searched(few_images["train"].digest, ({}, 97.0, 92.0), ({"learning_rate": 0.001}, 40.0, 92.0))
    assert app.button(key=TUNED).label.endswith("0.002")


def test_a_method_without_a_search_offers_none() -> None:
    app = opened(METHODS, classes="7", methods="logit-mask")
    assert not [key for key in buttons(app) if key.startswith("method_search")]
