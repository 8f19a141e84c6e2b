"""``orthoui methods``: what there is, and one in detail."""

from pathlib import Path

import pytest

from orthoui.methods import METHODS
from orthoui.methods import own as own_module
from tests.cli.calling import answer, call, refusal


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "220")


def test_every_registered_method_is_listed_with_what_it_is(home: Path) -> None:
    said = answer("methods")
    found = {about["name"]: about for about in said["methods"]}
    assert list(found) == sorted(METHODS)
    assert said["problems"] == []
    for name, about in found.items():
        method = METHODS[name]
        assert (about["title"], about["source"], about["summary"]) == (method.title, method.source, method.summary)
        assert about["needs"] == sorted(method.needs)
        assert (about["forgets"], about["control"], about["exact"]) == (method.forgets, method.control, method.exact)
        assert [field["name"] for field in about["fields"]] == list(method.request.model_fields)
        assert about["file"] is None
    assert found["logit-mask"]["control"] and found["retrain"]["exact"] and not found["fine-tune"]["forgets"]
    shown = call("methods").stdout
    assert all(name in shown for name in METHODS)
    assert "orthoui methods NAME" in shown


def test_fields_have_defaults_bounds_and_choices(home: Path) -> None:
    fields = {field["name"]: field for field in answer("methods fine-tune")["fields"]}
    rate = fields["learning_rate"]
    assert (rate["default"], rate["least"], rate["most"], rate["allowed"]) == (0.01, 0, 10, "from 0 to 10")
    assert rate["title"] == "Learning rate" and rate["description"]
    assert (fields["momentum"]["least"], fields["momentum"]["below"]) == (0, 1)
    assert fields["optimiser"]["choices"] == ["sgd", "adam", "adamw"]
    assert fields["classes"]["required"] and fields["classes"]["default"] is None
    alpha = {field["name"]: field for field in answer("methods nabla-tau")["fields"]}["alpha"]
    assert (alpha["default"], alpha["optional"], alpha["least"], alpha["most"]) == (None, True, 0, 1)


def test_one_method_in_detail(home: Path) -> None:
    shown = " ".join(call("methods boundary-shrink").stdout.split())
    for words in (
        "Boundary Shrink",
        "arXiv 2303.11570",
        "Needs: forget images, gradients.",
        "epsilon",
        "from 0 to 1",
    ):
        assert words in shown
    assert "epsilon" in shown and "drop, runner-up" in shown and "to be given" in shown and "off" in shown


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_can_be_shown(home: Path, name: str) -> None:
    assert answer(f"methods {name}")["name"] == name
    assert METHODS[name].title in call(f"methods {name}").stdout


def test_an_unknown_method_is_refused_with_the_ones_there_are(home: Path) -> None:
    said = refusal("methods wishing")
    assert "There is no method “wishing”. Choose one of: " in said


def test_own_methods_are_marked_and_their_problems_shown(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = own_module.Own(tmp_path, {"fine-tune": tmp_path / "mine.py"}, ("bad.py was not loaded: line 1.",))
    monkeypatch.setattr("orthoui.methods.OWN", own)
    said = answer("methods")
    assert said["problems"] == ["bad.py was not loaded: line 1."]
    assert {about["name"]: about for about in said["methods"]}["fine-tune"]["file"] == str(tmp_path / "mine.py")
    assert "bad.py was not loaded: line 1." in call("methods").stdout
    assert "Your own, from" in call("methods fine-tune").stdout
