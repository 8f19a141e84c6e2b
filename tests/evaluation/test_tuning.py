"""Pruning followed by fine-tuning: what it trains on, what it looks at, and that it can be cancelled."""

import threading

import pytest
import torch
from torch import nn

from orthoui.data import Dataset, ImageSet
from orthoui.errors import CancelledError
from orthoui.evaluation import tuning
from orthoui.evaluation.predictions import Predictor
from orthoui.evaluation.tuning import tune
from orthoui.forgetting import finetuning
from orthoui.forgetting.finetuning import Epoch, FineTuning
from orthoui.forgetting.request import ForgetRequest
from orthoui.models.trained import TrainedModel
from tests.tiny import same_tensors, state_of, tiny_images, with_splits

REQUEST = ForgetRequest(classes=(1,), ratio=0.5, strength=1, attenuation="uniform")
SETTINGS = FineTuning(epochs=2, batch_size=30, learning_rate=0.01)
LONG = SETTINGS.model_copy(update={"epochs": 50, "patience": 50})
SECONDS = 60


@pytest.fixture(autouse=True)
def full_precision(float32: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "fast_dtype", lambda device: torch.float32)


@pytest.fixture
def first_step(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once fine-tuning has made its first step."""
    stepped, step = threading.Event(), finetuning._step

    def watched(*given: object) -> float:
        loss = step(*given)  # type: ignore[arg-type]
        stepped.set()
        return loss

    monkeypatch.setattr(finetuning, "_step", watched)
    return stepped


def answers(data: Dataset, model: TrainedModel, request: ForgetRequest = REQUEST) -> list[int]:
    found: list[int] = tune(model, data, request, SETTINGS).predictor.complete(data["test"]).argmax(1).tolist()
    return found


def test_it_answers_every_image_and_leaves_the_model_alone(model: TrainedModel, data: Dataset) -> None:
    resident, reported = state_of(model.network), list[Epoch]()
    tuned = tune(model, data, REQUEST, SETTINGS, report=reported.append)
    assert [epoch.epoch for epoch in reported] == [1, 2] == [epoch.epoch for epoch in tuned.epochs]
    assert tuned.seconds > 0
    assert tuned.predictor.complete(data["test"]).shape == (len(data["test"]), 4)
    assert same_tensors(model.network, resident)


def test_the_pruned_network_is_what_is_trained_on(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[nn.Module] = []

    def unchanged(network: nn.Module, *rest: object, **named: object) -> nn.Module:
        given.append(network)
        return network

    monkeypatch.setattr(tuning, "fine_tune", unchanged)
    pruned = answers(data, model)
    assert not same_tensors(given[0], state_of(model.network))
    untouched = answers(data, model, REQUEST.model_copy(update={"ratio": 0.0}))
    assert same_tensors(given[1], state_of(model.network))
    assert pruned != untouched


def test_no_forgotten_image_is_ever_drawn(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, judged = set[int](), set[int]()
    step, predict = finetuning._step, Predictor.complete

    def spied_step(network: nn.Module, inputs: object, labels: torch.Tensor, *rest: object) -> float:
        trained.update(labels.tolist())
        return step(network, inputs, labels, *rest)  # type: ignore[arg-type]

    def spied_predict(predictor: Predictor, images: ImageSet) -> object:
        if images is not data["test"]:
            judged.update(images.labels.tolist())
        return predict(predictor, images)

    monkeypatch.setattr(finetuning, "_step", spied_step)
    monkeypatch.setattr(Predictor, "complete", spied_predict)
    tune(model, data, REQUEST.model_copy(update={"classes": (1, 3)}), SETTINGS)
    assert trained == judged == {0, 2}


def test_early_stopping_never_looks_at_test_images(model: TrainedModel, data: Dataset) -> None:
    def epochs(split: Dataset) -> list[Epoch]:
        reported: list[Epoch] = []
        tune(model, split, REQUEST, SETTINGS, report=reported.append)
        return reported

    assert epochs(data) == epochs(with_splits(data, test=tiny_images(10, 99)))
    norths = data["calibration"].subset(data["calibration"].of_class(0))
    assert epochs(data) != epochs(with_splits(data, calibration=norths))


def test_cancelling_ends_it_before_the_next_step(
    model: TrainedModel, data: Dataset, first_step: threading.Event
) -> None:
    reported: list[Epoch] = []
    with pytest.raises(CancelledError, match="cancelled"):
        tune(model, data, REQUEST, LONG, cancelled=first_step.is_set, report=reported.append)
    assert reported == []
