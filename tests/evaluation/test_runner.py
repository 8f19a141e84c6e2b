"""Running a network over images: in batches that fit, and on a device without memory."""

import copy
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.errors import ResourceError
from orthoui.evaluation import predictions, runner
from orthoui.evaluation.predictions import PredictionMemo
from orthoui.models.sharing import sharing_copy
from orthoui.models.trained import TrainedModel
from tests.evaluation.made import expected_logits, predictor
from tests.tiny import same_tensors, state_of

pytestmark = pytest.mark.usefixtures("float32")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "FIRST_CHUNK", 30)
    monkeypatch.setattr(predictions, "CHUNK", 50)
    monkeypatch.setattr(runner, "LARGEST_BATCH", 50)


def test_wide_networks_go_through_in_smaller_batches(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LARGEST_BATCH", 1000)
    widest = max(layer.channels * layer.size**2 for layer in model.anatomy.layers)
    monkeypatch.setattr(runner, "LARGEST_MAPS", 100 * widest)
    assert runner.batch_size(model.anatomy) == 100
    monkeypatch.setattr(runner, "LARGEST_MAPS", 1)
    assert runner.batch_size(model.anatomy) == runner.SMALLEST_BATCH


def greedy(network: nn.Module, limit: int, *, everywhere: bool = True) -> nn.Module:
    """A network whose device has memory for ``limit`` images at a time; or only the processor has any."""

    def forward(self: nn.Module, images: Tensor) -> Tensor:
        if (everywhere or images.is_meta) and len(images) > limit:
            raise torch.OutOfMemoryError("made up")
        logits: Tensor = type(network).forward(self, images)
        return logits

    twin = sharing_copy(network)
    twin.__class__ = type("Greedy", (type(network),), {"forward": forward})
    return twin


def test_a_device_short_of_memory_gets_smaller_chunks_and_says_so(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(predictions, "FIRST_CHUNK", 100)
    monkeypatch.setattr(predictions, "CHUNK", 100)
    monkeypatch.setattr(runner, "LARGEST_BATCH", 100)
    with caplog.at_level(logging.WARNING):
        parts = list(predictor(model, greedy(model.network, 20)).stream(data["test"], torch.arange(160)))
    notices = (
        "The device ran out of memory; images are now computed 25 at a time.",
        "The device ran out of memory; images are now computed 16 at a time.",
    )
    assert [part.notices for part in parts] == [notices, notices]
    assert all(notice in caplog.text for notice in notices)
    np.testing.assert_allclose(parts[-1].logits, expected_logits(model, data), rtol=1e-3, atol=1e-3)


def test_a_device_without_memory_hands_over_to_the_processor_and_says_so(model: TrainedModel, data: Dataset) -> None:
    """The meta device stands in for an accelerator on which nothing fits."""
    before = state_of(model.network)
    elsewhere = replace(model, device=torch.device("meta"))
    made = predictor(elsewhere, greedy(model.network, 0, everywhere=False))
    parts = list(made.stream(data["test"], torch.arange(160)))
    assert parts[0].notices == (
        "The device ran out of memory; images are now computed 16 at a time.",
        "The device has too little free memory; the processor computes instead, more slowly.",
    )
    np.testing.assert_allclose(parts[-1].logits, expected_logits(model, data), rtol=1e-3, atol=1e-3)
    assert same_tensors(model.network, before)


def test_handing_over_asks_the_full_device_for_no_second_network(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("a copy on the device")

    monkeypatch.setattr(copy, "deepcopy", full)
    made = predictor(replace(model, device=torch.device("meta")), greedy(model.network, 0, everywhere=False))
    assert made.complete(data["test"]).shape == (160, 4)


def test_a_processor_without_memory_gives_up_in_words_and_remembers_nothing(
    model: TrainedModel, data: Dataset
) -> None:
    memo = PredictionMemo(1)
    with pytest.raises(ResourceError, match="not enough memory for a single small batch"):
        predictor(model, greedy(model.network, 0), memo).complete(data["test"])
    assert memo._size == 0


def test_other_errors_are_not_mistaken_for_a_lack_of_memory(model: TrainedModel, data: Dataset) -> None:
    def forward(self: nn.Module, images: Tensor) -> Tensor:
        raise RuntimeError("something else")

    broken = sharing_copy(model.network)
    broken.__class__ = type("Broken", (type(model.network),), {"forward": forward})
    with pytest.raises(RuntimeError, match="something else"):
        predictor(model, broken).complete(data["test"])


def test_images_are_moved_to_an_accelerator_once(model: TrainedModel, data: Dataset) -> None:
    images = data["test"].subset(torch.arange(40))
    elsewhere = replace(model, device=torch.device("meta"))
    made = predictor(elsewhere, greedy(model.network, 0, everywhere=False))
    made.complete(images)
    assert list(images._moved) == [torch.device("meta")]
    predictor(model).complete(data["calibration"])
    assert not data["calibration"]._moved
