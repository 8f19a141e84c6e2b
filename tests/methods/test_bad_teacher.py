"""Distillation from an untrained and the original network."""

import pytest
import torch
from torch import nn

from orthoui.data import Dataset
from orthoui.methods import METHODS, bad_teacher, unlearn
from orthoui.methods.bad_teacher import BadTeacherRequest, distance, incompetent, pool, teaching
from orthoui.methods.work import Work
from orthoui.models.trained import TrainedModel
from tests.methods.works import buffers_of, equal, work_on
from tests.tiny import inputs, same_tensors, state_of, without_augmentation

BAD_TEACHER = METHODS["bad-teacher"]


def asked(**fields: object) -> BadTeacherRequest:
    return BadTeacherRequest.model_validate({"classes": (1,), "batch_size": 16, **fields})


def test_zero_epochs_are_the_identity(model: TrainedModel, data: Dataset) -> None:
    assert same_tensors(unlearn(BAD_TEACHER, model, data, asked(epochs=0)).network, state_of(model.network))


def test_a_student_equal_to_its_only_teacher_has_no_loss_and_no_gradient(model: TrainedModel, data: Dataset) -> None:
    student = work_on(model, data, asked()).student().eval()
    images = inputs(data["train"])
    with torch.no_grad():
        competent = model.network(images)
    target = teaching(competent, torch.randn_like(competent), torch.zeros(len(images), dtype=torch.bool), 1)
    loss = distance(student(images), target, 1)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
    assert max(float(part.grad.abs().max()) for part in student.parameters()) < 1e-5


def test_the_loss_is_the_divergence_per_image_and_per_class_only_in_compat() -> None:
    logits, target = torch.randn(6, 5), torch.randn(6, 5).softmax(1)
    by_hand = (target * (target.log() - (logits / 2).log_softmax(1))).sum(1).mean()
    torch.testing.assert_close(distance(logits, target, 2), by_hand)
    torch.testing.assert_close(distance(logits, target, 2, per_class=True), by_hand / 5)


def test_every_image_is_taught_by_the_teacher_of_its_part() -> None:
    competent, incapable = torch.randn(2, 4, 3)
    forgotten = torch.tensor([True, False, False, True])
    target = teaching(competent, incapable, forgotten, 2)
    for row, flag in enumerate(forgotten):
        torch.testing.assert_close(target[row], ((incapable if flag else competent)[row] / 2).softmax(0))


def test_the_pool_is_the_class_and_a_share_of_the_rest(model: TrainedModel, data: Dataset) -> None:
    labels = data["train"].labels
    positions = pool(work_on(model, data, asked()), 0.3)
    assert (labels[positions] == 1).sum() == 30 and len(positions) == 30 + 27
    assert len(positions.unique()) == len(positions)
    assert (labels[pool(work_on(model, data, asked()), 0)] == 1).all()
    assert not torch.equal(positions, pool(work_on(model, data, asked(seed=1)), 0.3))


def test_teachers_are_unchanged_bit_for_bit(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[nn.Module, dict[str, torch.Tensor]]] = []

    def remembered(work: Work) -> nn.Module:
        network = incompetent(work)
        made.append((network, state_of(network)))
        return network

    monkeypatch.setattr(bad_teacher, "incompetent", remembered)
    before = state_of(model.network)
    unlearn(BAD_TEACHER, model, data, asked(epochs=2))
    network, state = made[0]
    assert same_tensors(network, state) and same_tensors(model.network, before)
    assert not network.training and not same_tensors(network, before)


def test_compat_leaves_the_mode_of_the_student_untouched(model: TrainedModel, data: Dataset) -> None:
    plain, compat = (unlearn(BAD_TEACHER, model, data, asked(compat=flag)) for flag in (False, True))
    assert equal(buffers_of(compat.network), buffers_of(model.network))
    assert not equal(buffers_of(plain.network), buffers_of(model.network))
    assert not equal(compat.network.parameters(), model.network.parameters())


@pytest.mark.parametrize("seed", range(3))
def test_it_moves_the_class_towards_the_untrained_answer(model: TrainedModel, data: Dataset, seed: int) -> None:
    request = asked(epochs=40, learning_rate=3e-4, retain_share=1, bn_mode="eval", seed=seed)
    done = unlearn(BAD_TEACHER, without_augmentation(model), data, request)
    images, labels = inputs(data["train"]), data["train"].labels
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(request.seed)  # as the method's own, so that this is its very teacher
        untrained = incompetent(work_on(model, data, request))(images).softmax(1)
        after, before = done.network(images), model.network(images)
    of_class = labels == 1
    moved, still = (float(distance(answers[of_class], untrained[of_class], 1)) for answers in (after, before))
    assert moved < still / 2
    right, was_right = (answers.argmax(1) == labels for answers in (after, before))
    assert right[of_class].float().mean() < was_right[of_class].float().mean() - 0.3
    assert right[~of_class].float().mean() > 0.8
