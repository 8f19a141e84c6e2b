"""What tests of the evaluation share."""

import pytest

from orthoui.evaluation import predictions


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a prediction of the tiny images come in several chunks."""
    monkeypatch.setattr(predictions, "FIRST_CHUNK", 50)
    monkeypatch.setattr(predictions, "CHUNK", 60)
