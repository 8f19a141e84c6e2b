"""How commands answer: one JSON object, or a table."""

import json

import pytest
from pydantic import BaseModel
from rich.text import Text

from orthoui.cli.common import emit


class Answer(BaseModel):
    name: str
    accuracy: float


def test_json_is_one_object_and_builds_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    def never() -> Text:
        raise LookupError("the table was built")

    emit(Answer(name="Sneaker →", accuracy=99.5), True, never)
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"name": "Sneaker →", "accuracy": 99.5}
    assert shown.out.count("\n") == 1
    assert shown.err == ""


def test_what_was_not_measured_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"accuracy": float("nan"), "spread": float("inf"), "n": 0}, True, Text)
    assert json.loads(capsys.readouterr().out) == {"accuracy": None, "spread": None, "n": 0}


def test_without_json_the_table_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"hidden": 1}, False, lambda: Text("shown"))
    assert capsys.readouterr().out == "shown\n"
