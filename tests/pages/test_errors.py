"""An expected error is a sentence on the page it happens on, wherever in the page that is."""

import pytest

from orthoui.data import Dataset
from orthoui.errors import CheckpointError, LedgerError
from tests.pages.opening import heading, opened, run

SENTENCE = "The model's file is gone. Choose another model."
PAGES = {
    "pages/explore/forget.py": "session.model",
    "pages/explore/channels.py": "session.model",
    "pages/explore/heatmaps.py": "session.model",
    "pages/lab/runs.py": "runs.all_runs",
    "pages/lab/train.py": "train.panel.estimate",
    "pages/lab/jobs.py": "jobs.panel.ended_jobs",
    "pages/lab/paper.py": "paper.panel.shelf",
}


def fails(*_: object) -> None:
    raise CheckpointError(SENTENCE)


@pytest.mark.parametrize("page", PAGES)
def test_an_error_anywhere_in_a_page_is_a_sentence(monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.setattr(f"orthoui.ui.{PAGES[page]}", fails)
    app = opened(page, classes="7", ratio="0.2", nonsense="1")
    assert [error.value for error in app.error] == [SENTENCE]
    assert app.query_params["ratio"] == "0.2" and "nonsense" not in app.query_params


def test_a_ledger_that_fails_costs_the_fine_tuning_and_not_the_page(
    monkeypatch: pytest.MonkeyPatch, few_images: Dataset
) -> None:
    def fail(*_: object) -> None:
        raise LedgerError("The ledger is busy.")

    monkeypatch.setattr("orthoui.ui.tuning_panel.latest_tuning", fail)
    app = opened(classes="7")
    assert heading(app)
    assert [error.value for error in app.error] == ["The ledger is busy."]


def test_a_callback_without_its_model_says_so(monkeypatch: pytest.MonkeyPatch, few_images: Dataset) -> None:
    app = opened(classes="7")
    monkeypatch.setattr("orthoui.ui.session.model", fails)
    app.button_group(key="class_choice").set_value([8])
    run(app)
    assert [warning.value for warning in app.warning] == [SENTENCE]
