"""Error-maximising noise, impair and repair."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from orthoui.data import Dataset
from orthoui.data.imageset import ImageSet
from orthoui.jobs.method import MethodRun, request_of
from orthoui.methods import METHODS, unlearn
from orthoui.methods.unsir import NOTEBOOK, UnsirRequest, learn_noise, learn_noises, mixed, noise_loss
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel
from tests.methods.works import buffers_of, equal, parameters_of, work_on
from tests.tiny import same_tensors, state_of, with_splits

UNSIR = METHODS["unsir"]


def asked(**fields: object) -> UnsirRequest:
    small = {"noise_images": 8, "noise_steps": 10, "repeats": 3, "images_per_class": 10, "impair_batch_size": 16}
    return UnsirRequest.model_validate({"classes": (1,), **small, **fields})


def quiet() -> None:
    """Nobody watches."""


@torch.no_grad()
def label_loss(model: TrainedModel, noise: torch.Tensor, label: int) -> float:
    return float(F.cross_entropy(model.network(noise), torch.full((len(noise),), label)))


@pytest.mark.parametrize("penalty", [0.0, 0.001])
@pytest.mark.parametrize("label", [0, 1])
def test_the_loss_of_the_frozen_model_on_the_noise_rises(
    model: TrainedModel, data: Dataset, label: int, penalty: float
) -> None:
    request = asked(noise_penalty=penalty, noise_steps=30)
    start = learn_noise(work_on(model, data, request), model.network, label, asked(noise_steps=0), quiet)
    learned = learn_noise(work_on(model, data, request), model.network, label, request, quiet)
    assert label_loss(model, learned, label) > label_loss(model, start, label) + 1


def test_the_penalty_is_a_sum_over_pixels_and_a_mean_over_images() -> None:
    noise, logits = torch.randn(4, 3, 5, 5), torch.randn(4, 6)
    expected = sum(
        0.1 * float(image.square().sum()) - float(-row.log_softmax(0)[2])
        for image, row in zip(noise, logits, strict=True)
    )
    assert float(noise_loss(logits, noise, 2, 0.1)) == pytest.approx(expected / 4, rel=1e-5)


def test_an_overwhelming_penalty_drives_the_noise_to_zero(model: TrainedModel, data: Dataset) -> None:
    request = asked(noise_penalty=1e6, noise_steps=150)
    noise = learn_noise(work_on(model, data, request), model.network, 1, request, quiet)
    assert float(noise.square().mean()) < 1e-3


def test_learning_the_noise_leaves_student_and_model_bit_for_bit(model: TrainedModel, data: Dataset) -> None:
    work, before = work_on(model, data, asked()), state_of(model.network)
    student = work.student()
    noise, labels = learn_noises(work, student, asked(), 0)
    assert same_tensors(student, before) and same_tensors(model.network, before)
    assert all(part.requires_grad and part.grad is None for part in student.parameters())
    assert noise.shape == (8, 3, 20, 20) and labels.tolist() == [1] * 8


def test_no_real_image_of_the_class_is_read(model: TrainedModel, data: Dataset) -> None:
    train = data["train"]
    other = train.images.clone()
    other[train.labels == 1] = 255
    hidden = with_splits(data, train=ImageSet(other, train.labels))
    one, two = unlearn(UNSIR, model, data, asked()), unlearn(UNSIR, model, hidden, asked())
    assert same_tensors(one.network, state_of(two.network))
    assert one.samples == 2 * 30  # ten images of each of three classes, once to impair and once to repair
    assert "forget images" not in UNSIR.needs


def test_noise_of_several_classes_carries_the_class_it_was_made_for(model: TrainedModel, data: Dataset) -> None:
    request = asked(classes=(2, 0))
    work = work_on(model, data, request)
    noise, labels = learn_noises(work, work.student(), request, 0)
    assert labels.tolist() == [2] * 8 + [0] * 8
    assert not torch.equal(noise[:8], noise[8:])


def test_the_same_noise_is_repeated_beside_every_retained_image(model: TrainedModel, data: Dataset) -> None:
    request = asked(classes=(2, 0))
    work = work_on(model, data, request)
    kept = work.retain.subset(torch.arange(20))
    noise, labels = learn_noises(work, work.student(), request, 0)
    batches = list(mixed(work, kept, noise, labels, request))
    inputs, seen = torch.cat([batch.inputs for batch in batches]), torch.cat([batch.labels for batch in batches])
    assert len(inputs) == 3 * 16 + 20
    for image, label in zip(noise, labels, strict=True):
        same = (inputs == image).flatten(1).all(1)
        assert same.sum() == 3 and (seen[same] == label).all()
    real = model.prepare(kept.images)
    for image, label in zip(real, kept.labels, strict=True):
        assert (seen[(inputs == image).flatten(1).all(1)] == label).all()
    orders = {tuple((batch.positions < 48).tolist()) for batch in batches}
    assert len(orders) == len(batches)  # shuffled together


def test_compat_is_the_notebook_with_its_slip(model: TrainedModel, data: Dataset) -> None:
    plain, notebook = UnsirRequest(classes=(2, 0)), UnsirRequest(classes=(2, 0), compat=True)
    assert (plain.learning_rate, plain.repair_rate) == (1e-4, 1e-4)
    assert {name: getattr(notebook, name) for name in NOTEBOOK} == NOTEBOOK
    assert (notebook.learning_rate, notebook.repair_rate) == (0.02, 0.01)
    assert UnsirRequest(classes=(1,), compat=True, learning_rate=0.001).learning_rate == 0.001
    texts = {"compat": "true", "repair_rate": "1e-5"}  # as from the page or the command line
    told = request_of(MethodRun(model=model.name, method="unsir", classes=(2, 0), settings=texts), model)
    assert told == UnsirRequest(classes=(2, 0), compat=True, repair_rate=1e-5)
    request = asked(classes=(2, 0), compat=True)
    work = work_on(model, data, request)
    student = work.student()
    _, labels = learn_noises(work, student, request, 0)
    assert set(labels.tolist()) == {2}
    assert equal(student.parameters(), parameters_of(model.network))
    assert not equal(student.buffers(), buffers_of(model.network))
    assert all(part.requires_grad and part.grad is None for part in student.parameters())


def test_progress_is_that_of_the_three_phases_together(model: TrainedModel, data: Dataset) -> None:
    steps: list[tuple[int, int]] = []
    unlearn(UNSIR, model, data, asked(), Watch(progress=lambda step, total, loss: steps.append((step, total))))
    # 10 of the noise, 54 images and noises in batches of 16, 30 images in one batch
    assert steps == [(step, 15) for step in range(1, 16)]


def test_zero_epochs_change_nothing(model: TrainedModel, data: Dataset) -> None:
    done = unlearn(UNSIR, model, data, asked(impair_epochs=0, repair_epochs=0))
    assert same_tensors(done.network, state_of(model.network))


def test_a_model_of_another_input_size_gets_noise_of_its_size(model: TrainedModel, data: Dataset) -> None:
    larger = replace(model, card=model.card.model_copy(update={"input_size": 24}))
    work = work_on(larger, data, asked())
    assert learn_noise(work, model.network, 1, asked(noise_steps=1), quiet).shape[-2:] == (24, 24)
