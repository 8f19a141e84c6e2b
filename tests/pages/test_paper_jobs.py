"""Measuring a table from the Paper page, and getting or training what it lacks."""

import pytest

from orthoui.ledger import NewRun, Run, ledger
from orthoui.paper.finding import training_recipe
from orthoui.paper.job import KIND
from orthoui.paper.setting import EMBEDDED, Setting
from tests.pages.engines import install
from tests.pages.opening import heading, opened, run, text, view

PAGE = "pages/lab/paper.py"
pytestmark = pytest.mark.usefixtures("shipped")


def test_measuring_is_a_job_that_is_started_once(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    app = opened(PAGE)
    app.selectbox(key="paper_setting").set_value(EMBEDDED.name)
    run(app)
    app.button(key="measure_table-1").click()
    run(app)
    (queued,) = queued_runs()
    assert queued.title == "Measure Table 1 of the paper on Fashion-MNIST, ResNet-18, width 16"
    app.button(key="measure_table-1").click()
    run(app)
    assert len(queued_runs()) == 1
    assert "Table 1 is being measured already." in [warning.value for warning in app.warning]
    app.button(key=f"stop_{queued.id}").click()
    run(app)
    assert [found.state for found in queued_runs()] == ["cancelled"]


def test_what_is_missing_is_got_and_trained_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    app = opened(PAGE, paper_dataset="cifar100", paper_forget_class="3")
    keys = [button.key for button in app.button if (button.key or "").startswith("paper_train_")]
    assert keys == ["paper_train_orthogonal", "paper_train_plain", "paper_train_retrained"]
    assert "Begin with the orthogonal one" in text(app)
    assert app.button(key="paper_train_retrained").label == "Train the network without bear"
    app.button(key="get_cifar100").click()
    run(app)
    assert [job.kind for job in ledger().find()] == ["get-dataset"] and "It is on its way" in text(app)
    app.button(key="paper_train_retrained").click()
    run(app)
    wanted = training_recipe(Setting(dataset="cifar100", forget_class=3), "retrained")
    assert view(app).recipe == wanted and wanted.forgets == (3,)
    assert heading(app).startswith("Train an orthogonal ResNet-18 of width 64 on CIFAR-100 without bear")


def test_a_tick_has_every_class_of_the_appendix_fine_tuned(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    app = opened(PAGE, paper_dataset="fashion-mnist", paper_width="16")
    assert "paper_train_orthogonal" not in {button.key for button in app.button}
    fewer = app.button(key="measure_appendix").label
    app.checkbox(key="paper_fine_tune").set_value(True)
    run(app)
    assert app.button(key="measure_appendix").label != fewer
    app.button(key="measure_appendix").click()
    run(app)
    (queued,) = queued_runs()
    assert (queued.request["table"], queued.request["fine_tune"]) == ("appendix", True)


def test_a_job_that_failed_says_why() -> None:
    app = opened(PAGE)
    new = NewRun(kind=KIND, title="Measure Table 1", request={"table": "table-1"})
    found = ledger().queue.add(new, server=None, module=None)
    attempt = ledger().queue.start(found.id, found.ticket, worker="me", folder="")
    assert attempt is not None
    attempt.fail("The images are gone.")
    app.session_state["paper_runs"] = [found.id]
    run(app)
    assert [warning.value for warning in app.warning] == ["Measure Table 1: The images are gone."]


def queued_runs() -> list[Run]:
    return [found for found in ledger().find() if found.kind == KIND]
