"""``orthoui models`` and ``orthoui datasets``: what is there."""

from pathlib import Path

import pytest

from orthoui.data import DATASETS, Dataset
from orthoui.errors import DatasetError
from tests.cli.calling import answer, call
from tests.cli.conftest import RECIPE


def test_models_lists_embedded_and_own_ones(home: Path) -> None:
    said = answer("models")
    assert said["default"] == "fashion-mnist-resnet18-w16-orthogonal"
    found = {model["name"]: model for model in said["models"]}
    embedded, own = found[said["default"]], found["tiny"]
    assert (embedded["source"], embedded["kind"], embedded["dataset"]) == ("embedded", "trained", "fashion-mnist")
    assert embedded["accuracy"]["test"] > 90
    assert 0 < embedded["mean_filter_cosine"] < found["fashion-mnist-resnet18-w16-plain"]["mean_filter_cosine"] < 1
    assert embedded["trained"] == "18 epochs, λ 0.01"
    assert own["source"] == "own"
    assert own["size_mb"] == round((home / "models" / "tiny.safetensors").stat().st_size / 1e6, 2) > 0
    assert (own["architecture"], own["width"], own["orthogonality"]) == ("resnet18", 4, 0.001)


def test_models_names_what_a_reference_never_saw(home: Path) -> None:
    assert call(f"train {RECIPE} --forget dark --name reference").exit_code == 0
    found = {model["name"]: model for model in answer("models")["models"]}
    assert found["reference"]["kind"] == "retrained without dark"
    assert found["reference"]["forgets"] == [2]


def test_damaged_models_are_listed_with_their_problem(home: Path) -> None:
    (home / "models" / "broken.safetensors").write_text("not a model")
    found = {model["name"]: model for model in answer("models")["models"]}
    assert found["broken"]["kind"] == "damaged"
    assert "broken.safetensors is damaged" in found["broken"]["problem"]
    shown = call("models")
    assert shown.exit_code == 0
    assert "broken.safetensors is damaged" in " ".join(shown.stdout.split()) and str(home) in shown.stdout
    assert "fashion-mnist-resnet18-w16-plain" in shown.stdout


def test_datasets_tells_classes_images_and_source(home: Path) -> None:
    found = {data["name"]: data for data in answer("datasets")["datasets"]}
    assert found["fashion-mnist"]["images"] == {"train": 18_000, "calibration": 2_000, "test": 10_000}
    assert found["fashion-mnist"]["classes"][7] == "Sneaker"
    assert found["fashion-mnist"]["source"] == "embedded"
    assert found["tiny"]["image_size"] == [8, 8]
    assert "Tiny patterns" in call("datasets").stdout


def test_a_missing_data_set_does_not_hide_the_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Dataset:
        raise DatasetError("It is not there.")

    monkeypatch.setitem(DATASETS._entries, "missing", missing)
    found = {data["name"]: data for data in answer("datasets")["datasets"]}
    assert found["missing"]["problem"] == "It is not there."
    assert found["tiny"]["problem"] is None
    assert "missing: It is not there." in call("datasets").stdout
