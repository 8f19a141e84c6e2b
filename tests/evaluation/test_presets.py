"""Presets: found on calibration images alone, and used only for the weights they were found for."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orthoui.data import Dataset, ImageSet
from orthoui.evaluation import presets as module
from orthoui.evaluation.presets import Found, Presets, load_presets, paper, recommended, save_presets, search
from orthoui.evaluation.variants import original
from orthoui.models.trained import TrainedModel

pytestmark = pytest.mark.usefixtures("float32")


class Guarded(dict[str, ImageSet]):
    """Splits that notice when the test images are asked for."""

    def __getitem__(self, split: str) -> ImageSet:
        if split == "test":
            raise AssertionError("the search looked at test images")
        return super().__getitem__(split)


@pytest.fixture
def guarded(data: Dataset) -> Dataset:
    splits: Mapping[str, ImageSet] = Guarded(data.splits)
    return replace(data, splits=splits)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, values in (("RATIOS", (0.05, 0.4)), ("STRENGTHS", (1.0,)), ("SCORES", ("difference",))):
        monkeypatch.setattr(module, name, values)
    monkeypatch.setattr(module, "FINALISTS", 2)


def setting(**changes: str | float) -> dict[str, str | float | int]:
    return {"ratio": 0.3, "strength": 1.0, "attenuation": "uniform", "target": "bn", **changes}


def presets(model: TrainedModel, **changes: object) -> Presets:
    found = Found(setting=setting(ratio=0.2), forget_accuracy=0, retain_accuracy=90, retain_before=91)
    fields = {
        "model": model.name,
        "weights": model.weights,
        "images": "i",
        "overall": setting(),
        "classes": {2: found},
    }
    return Presets.model_validate({**fields, **changes})


def test_the_guard_bites(guarded: Dataset) -> None:
    with pytest.raises(AssertionError, match="test images"):
        guarded["test"]


def test_a_search_never_looks_at_test_images_and_finds_what_serves_best(
    model: TrainedModel, data: Dataset, guarded: Dataset
) -> None:
    reported: list[int] = []
    found = search(model, guarded, lambda label, best: reported.append(label))
    assert reported == [0, 1, 2, 3]
    assert (found.model, found.weights) == (model.name, model.weights)
    assert found.images == data["calibration"].digest
    assert found.overall in [best.setting for best in found.classes.values()]
    labels = data["calibration"].labels.numpy()
    predicted = original(model).complete(data["calibration"]).argmax(1)
    for label, best in found.classes.items():
        kept = labels != label
        assert best.retain_before == pytest.approx(100 * (predicted == labels)[kept].mean())
        assert best.setting in list(module.candidates(model))
        result = module._measure(model, data, data["calibration"], label, best.setting)
        assert result.forget is not None and result.retain is not None
        assert (best.forget_accuracy, best.retain_accuracy) == (result.forget.value, result.retain.value)
        assert result.split == "calibration"


def test_every_candidate_is_a_valid_request_within_the_two_scopes(model: TrainedModel) -> None:
    candidates = list(module.candidates(model))
    assert len(candidates) == 2 * 1 * 2 * 2 * 1
    for candidate in candidates:
        module.ForgetRequest.model_validate({**candidate, "classes": (0,)})
    assert {candidate["scope"] for candidate in candidates} == {"all", "stage:4"}


def test_remembering_costs_more_than_it_gains() -> None:
    def worth(forget: float, retain: float) -> float:
        class Result:
            def __init__(self) -> None:
                self.forget, self.retain = (type("E", (), {"value": value})() for value in (forget, retain))

        return module._worth(Result())  # type: ignore[arg-type]

    assert worth(module.FORGOTTEN_AT, 90) == worth(0, 90) == 90
    assert worth(module.FORGOTTEN_AT + 1, 90) == 90 - module.COST_OF_REMEMBERING


def test_presets_are_used_for_exactly_the_weights_they_were_found_for(model: TrainedModel, home: Path) -> None:
    assert recommended(model, (2,)) is None
    save_presets(presets(model), home / "presets")
    single, other, pair = (recommended(model, classes) for classes in ((2,), (0,), (2, 3)))
    assert single is not None and (single.ratio, single.classes) == (0.2, (2,))
    assert other is not None and (other.ratio, other.classes) == (0.3, (0,))
    assert pair is not None and (pair.ratio, pair.classes) == (0.3, (2, 3))
    assert load_presets(replace(model, weights="of other weights")) is None
    assert load_presets(replace(model, name="another")) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": "tiny-0"}', "\x00\xff"])
def test_a_damaged_file_is_left_aside_with_a_warning(
    model: TrainedModel, home: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    path = save_presets(presets(model), home / "presets")
    path.write_text(content, encoding="latin-1")
    with caplog.at_level(logging.WARNING):
        assert load_presets(model) is None
    assert "cannot be read and are left aside" in caplog.text


def test_a_search_that_was_stopped_goes_on_behind_the_last_class(
    model: TrainedModel, guarded: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []

    def quickly(model: TrainedModel, _: Dataset, label: int) -> Found:
        if searched == [0, 1]:
            raise KeyboardInterrupt
        searched.append(label)
        return presets(model).classes[2].model_copy(update={"forget_accuracy": float(label)})

    monkeypatch.setattr(module, "search_class", quickly)
    part = tmp_path / "presets" / "net.json.part"
    with pytest.raises(KeyboardInterrupt):
        search(model, guarded, part=part)
    searched.append(-1)
    found = search(model, guarded, part=part)
    assert searched == [0, 1, -1, 2, 3]
    assert [found.classes[label].forget_accuracy for label in range(4)] == [0, 1, 2, 3]
    part.write_text(part.read_text().replace(model.weights, "other weights"))
    assert module._begun(part, model, guarded) == {}
    part.write_bytes(b"{")
    assert module._begun(part, model, guarded) == {}


def test_a_file_with_settings_out_of_bounds_is_left_aside_with_a_warning(
    model: TrainedModel, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save_presets(presets(model), home / "presets")
    path.write_text(path.read_text().replace('"ratio": 0.2', '"ratio": 7'))
    with caplog.at_level(logging.WARNING):
        assert recommended(model, (2,)) is None
    assert "left aside" in caplog.text


def test_the_papers_setting_is_its_letter(model: TrainedModel) -> None:
    request = paper(model, (1, 2))
    assert request.classes == (1, 2)
    assert (request.ratio, request.strength, request.attenuation) == (0.05, 0.4, "floor")
    assert (request.score, request.target) == ("difference", "conv")
    assert (request.scope, request.images_per_class, request.edits) == ("all", 5, ())


def test_the_paper_names_another_ratio_for_one_data_set_and_network(model: TrainedModel) -> None:
    card = model.card.model_copy(update={"dataset": "cifar100", "architecture": "resnet50"})
    assert paper(replace(model, card=card), (1, 2)) == paper(model, (1, 2)).model_copy(update={"ratio": 0.02})
