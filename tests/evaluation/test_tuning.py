"""Pruning followed by fine-tuning, measured; and the same as a job that can be watched and cancelled."""

import threading
from collections.abc import Callable

import pytest
import torch
from torch import nn

from orthoui.data import Dataset, ImageSet
from orthoui.errors import CancelledError, RequestError
from orthoui.evaluation import tuning
from orthoui.evaluation.predictions import Predictor
from orthoui.evaluation.tuning import FineTuningJob, measure_fine_tuned
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


def test_it_is_measured_like_any_other_network(model: TrainedModel, data: Dataset) -> None:
    resident, reported = state_of(model.network), list[Epoch]()
    measured = measure_fine_tuned(model, data, REQUEST, SETTINGS, report=reported.append)
    assert [epoch.epoch for epoch in reported] == [1, 2]
    assert measured.exact
    assert measured.confusion.sum() == len(data["test"])
    part = measured.accuracies
    assert (part.n_forget, part.n_retain, part.split) == (40, 120, "test")
    assert part.retain is not None
    assert part.retain.value == pytest.approx(100 * measured.confusion[[0, 2, 3], [0, 2, 3]].sum() / 120)
    assert same_tensors(model.network, resident)


def test_the_pruned_network_is_what_is_trained_on(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[nn.Module] = []

    def unchanged(network: nn.Module, *rest: object, **named: object) -> nn.Module:
        given.append(network)
        return network

    monkeypatch.setattr(tuning, "fine_tune", unchanged)
    measured = measure_fine_tuned(model, data, REQUEST, SETTINGS)
    assert not same_tensors(given[0], state_of(model.network))
    untouched = measure_fine_tuned(model, data, REQUEST.model_copy(update={"ratio": 0.0}), SETTINGS)
    assert same_tensors(given[1], state_of(model.network))
    assert (measured.confusion != untouched.confusion).any()


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
    measure_fine_tuned(model, data, REQUEST.model_copy(update={"classes": (1, 3)}), SETTINGS)
    assert trained == judged == {0, 2}


def test_early_stopping_never_looks_at_test_images(model: TrainedModel, data: Dataset) -> None:
    def epochs(split: Dataset) -> list[Epoch]:
        reported: list[Epoch] = []
        measure_fine_tuned(model, split, REQUEST, SETTINGS, report=reported.append)
        return reported

    assert epochs(data) == epochs(with_splits(data, test=tiny_images(10, 99)))
    norths = data["calibration"].subset(data["calibration"].of_class(0))
    assert epochs(data) != epochs(with_splits(data, calibration=norths))


def test_cancelling_ends_it_before_the_next_step(
    model: TrainedModel, data: Dataset, first_step: threading.Event
) -> None:
    reported: list[Epoch] = []
    with pytest.raises(CancelledError, match="cancelled"):
        measure_fine_tuned(model, data, REQUEST, LONG, cancelled=first_step.is_set, report=reported.append)
    assert reported == []


def test_a_job_runs_beside_its_session_and_keeps_its_result(model: TrainedModel, data: Dataset) -> None:
    job = FineTuningJob(model, data, REQUEST, SETTINGS)
    job.wait(SECONDS)
    assert not job.running
    assert job.problem is None
    assert (job.model, job.request, job.settings) == (model.name, REQUEST, SETTINGS)
    assert [epoch.epoch for epoch in job.epochs] == [1, 2]
    assert job.result is not None
    direct = measure_fine_tuned(model, data, REQUEST, SETTINGS)
    assert (job.result.confusion == direct.confusion).all()


def test_a_cancelled_job_stops_and_says_so(model: TrainedModel, data: Dataset, first_step: threading.Event) -> None:
    resident = state_of(model.network)
    job = FineTuningJob(model, data, REQUEST, LONG)
    assert job.running
    assert first_step.wait(SECONDS)
    job.cancel()
    job.wait(SECONDS)
    assert not job.running
    assert len(job.epochs) < LONG.epochs
    assert job.result is None
    assert job.problem == "Fine-tuning was cancelled. The pruned model is unchanged."
    assert same_tensors(model.network, resident)


FULL = "There is not enough memory for a single small batch of images. Close other programs and try again."


def raising(error: Exception) -> Callable[..., nn.Module]:
    def fail(*given: object, **named: object) -> nn.Module:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RequestError("Too few images."), "Too few images."),
        (OSError(), "Fine-tuning failed for a reason that the server's log names. Nothing was changed."),
        (MemoryError(), FULL),
    ],
)
def test_a_job_that_fails_says_why_in_words(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    monkeypatch.setattr(tuning, "fine_tune", raising(error))
    job = FineTuningJob(model, data, REQUEST, SETTINGS)
    job.wait(SECONDS)
    assert not job.running
    assert job.result is None
    assert job.problem == sentence
