"""Recorded predictions: found by digests, never taken for another model's, left aside when damaged."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from orthoui.data import Dataset
from orthoui.evaluation.predictions import PredictionMemo
from orthoui.evaluation.records import all_records, recorded, recorded_twin, write_record
from orthoui.evaluation.variants import original
from orthoui.models.checkpoints import METADATA_KEY
from orthoui.models.trained import TrainedModel
from tests.tiny import tiny_card, tiny_model

pytestmark = pytest.mark.usefixtures("float32")
LOGITS = np.random.default_rng(0).normal(size=(160, 4)).astype(np.float32)


def test_a_record_serves_exactly_its_weights_and_images(
    model: TrainedModel, reference: TrainedModel, data: Dataset, home: Path
) -> None:
    write_record(model, data["test"], LOGITS, home / "records" / "a.safetensors")
    found = recorded(model, data["test"])
    assert found is not None and found.dtype == np.float32
    np.testing.assert_allclose(found, LOGITS, rtol=1e-3, atol=1e-3)
    assert recorded(model, data["calibration"]) is None
    assert recorded(reference, data["test"]) is None
    assert np.array_equal(original(model).complete(data["test"]), found)


@pytest.mark.parametrize(
    ("card", "found"),
    [
        ({"seed": 6}, True),
        ({"seed": 5}, False),
        ({"seed": 6, "orthogonality": 0.0}, False),
        ({"seed": 6, "forgets": (2,)}, False),
        ({"seed": 6, "images_digest": "other"}, False),
    ],
)
def test_a_twin_differs_by_its_seed_alone(
    reference: TrainedModel, data: Dataset, home: Path, card: dict[str, object], found: bool
) -> None:
    metadata = {
        METADATA_KEY: tiny_card(**{"forgets": (1,), **card}).model_dump_json(),
        "images": data["test"].digest,
        "weights": "w",
    }
    (home / "records").mkdir(parents=True)
    save_file({"logits": LOGITS}, home / "records" / "a.safetensors", metadata=metadata)
    assert (recorded_twin(reference, data["test"]) is not None) == found
    assert recorded_twin(reference, data["calibration"]) is None


def damage_cut(path: Path, metadata: dict[str, str]) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def damage_junk(path: Path, metadata: dict[str, str]) -> None:
    path.write_bytes(b"junk")


def damage_no_card(path: Path, metadata: dict[str, str]) -> None:
    save_file({"logits": LOGITS}, path, metadata={**metadata, METADATA_KEY: "{}"})


def damage_no_digests(path: Path, metadata: dict[str, str]) -> None:
    save_file({"logits": LOGITS}, path, metadata={METADATA_KEY: metadata[METADATA_KEY]})


def damage_other_name(path: Path, metadata: dict[str, str]) -> None:
    save_file({"other": LOGITS}, path, metadata=metadata)


def damage_strange_numbers(path: Path, metadata: dict[str, str]) -> None:
    save_tensors({"logits": torch.zeros(160, 4, dtype=torch.bfloat16)}, path, metadata=metadata)


def damage_shape(path: Path, metadata: dict[str, str]) -> None:
    save_file({"logits": LOGITS[:, :3]}, path, metadata=metadata)


def damage_too_few(path: Path, metadata: dict[str, str]) -> None:
    save_file({"logits": LOGITS[:-1]}, path, metadata=metadata)


def damage_not_numbers(path: Path, metadata: dict[str, str]) -> None:
    save_file({"logits": np.where(LOGITS > 2, np.nan, LOGITS)}, path, metadata=metadata)


@pytest.mark.parametrize("damage", [value for name, value in globals().items() if name.startswith("damage_")])
def test_a_damaged_record_is_left_aside_with_a_warning_and_computed_again(
    data: Dataset,
    home: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path, dict[str, str]], None],
) -> None:
    model = tiny_model()
    expected = original(model).complete(data["test"])
    path = home / "records" / "a.safetensors"
    write_record(model, data["test"], LOGITS, path)
    metadata = {"images": data["test"].digest, "weights": model.weights, METADATA_KEY: model.card.model_dump_json()}
    damage(path, metadata)
    with caplog.at_level(logging.WARNING):
        assert recorded(model, data["test"]) is None
    assert "a.safetensors" in caplog.text
    assert "left aside" in caplog.text
    predictor = original(model)
    object.__setattr__(predictor, "memo", PredictionMemo(1))
    assert np.array_equal(predictor.complete(data["test"]), expected)


def test_without_any_record_there_is_none(model: TrainedModel, data: Dataset) -> None:
    assert all(record.card.dataset != "tiny" for record in all_records())
    assert recorded(model, data["test"]) is None


def test_every_shipped_reference_has_a_second_seed() -> None:
    """Without it a page cannot say how far apart two retrained models are anyway."""
    pairs: dict[tuple[int, ...], set[int]] = {}
    for record in all_records():
        pairs.setdefault(record.card.forgets, set()).add(record.card.seed)
    assert all(pairs[(label,)] == {0, 1} for label in range(10))
