"""What was found beforehand: only of the very weights, what falls short says so."""

from dataclasses import replace
from pathlib import Path

import pytest

from orthoui.methods import found as module
from orthoui.methods.found import Found, Known, add_found, known_methods, read_found
from orthoui.models.trained import TrainedModel
from orthoui.ui.methods.words import found_words

GOOD = Found(classes=(1,), forgotten=0.0, change=-1.5, seconds=2.0)
BAD = Found(classes=(1,), forgotten=0.0, change=-39.7, seconds=60.0)
TUNED = Found(classes=(1,), forgotten=1.0, change=-2.0, seconds=60.0, settings={"selection": 30.0})


def test_measurements_join_those_that_are_there(model: TrainedModel, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    add_found(path, model, {"ssd": BAD, "famr": GOOD})
    add_found(path, model, {"ssd": TUNED})
    known = read_found(path)
    assert known is not None
    assert known.methods == {"famr": Known(defaults=GOOD), "ssd": Known(defaults=BAD, tuned=TUNED)}
    add_found(path, replace(model, weights="others"), {"famr": GOOD})
    anew = read_found(path)
    assert anew is not None and set(anew.methods) == {"famr"}  # of other weights nothing is kept


def test_it_counts_for_the_very_weights_only(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "assets_folder", lambda: tmp_path)
    module._shipped.cache_clear()
    add_found(tmp_path / "methods" / f"{model.name}.json", model, {"ssd": BAD})
    assert set(known_methods(model)) == {"ssd"}
    assert known_methods(replace(model, weights="others")) == {}
    assert known_methods(replace(model, name="other")) == {}
    module._shipped.cache_clear()


def test_a_file_of_another_version_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text('{"methods": 3}', encoding="utf-8")
    assert read_found(tmp_path / "found.json") is None


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (None, None),
        (Known(), None),
        (Known(defaults=GOOD), "0 % left, others −1.5"),
        (Known(defaults=BAD), "0 % left, others −39.7; falls short"),
        (Known(defaults=BAD, tuned=TUNED), "0 % left, others −39.7; better tuned"),
    ],
)
def test_the_page_says_what_falls_short(known: Known | None, words: str | None) -> None:
    assert found_words(known, ("north", "east"), (1,)) == words
    assert found_words(known, ("north", "east"), (0,)) == (words and f"east: {words}")


def test_a_control_is_not_blamed_for_not_forgetting() -> None:
    assert found_words(Known(defaults=BAD), ("north", "east"), (1,), control=True) == "0 % left, others −39.7"
