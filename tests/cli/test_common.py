"""How commands answer: one JSON object, or a table."""

import json

import pytest
from pydantic import BaseModel
from rich.text import Text

from orthoui.cli.common import emit, tell_about_images
from tests.tiny import as_model, random_network, tiny_card, tiny_dataset


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


def test_that_a_models_training_is_unknown_is_said_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    tell_about_images(as_model(random_network(), tiny_card()), tiny_dataset())
    assert capsys.readouterr().err == ""
    tell_about_images(as_model(random_network(), tiny_card(origin="imported", images_digest="")), tiny_dataset())
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("Nobody here knows how this model was trained.")
    assert said.err.count("\n") == 1
