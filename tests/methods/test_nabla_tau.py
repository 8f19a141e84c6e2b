"""∇τ: the target of the ascent, the weight that falls to nothing, and fine-tuning as its limit."""

import math

import pytest
import torch
import torch.nn.functional as F

from orthoui.data import Dataset
from orthoui.methods import METHODS, unlearn
from orthoui.methods.nabla_tau import (
    NablaTauRequest,
    alpha_at,
    first_alpha,
    forgetting_loss,
    paired_loss,
    pairs,
    target_loss,
)
from orthoui.methods.optimise import make_optimiser, set_mode
from orthoui.methods.work import Work
from orthoui.models.trained import TrainedModel
from tests.methods.working import logits_of, request, work_of
from tests.tiny import same_tensors, state_of

TAU = METHODS["nabla-tau"]


def made(model: TrainedModel, data: Dataset, **fields: object) -> tuple[Work, NablaTauRequest]:
    work = work_of(model, data, request("nabla-tau", **fields))
    return work, work.asked(NablaTauRequest)


def test_without_a_weight_it_is_fine_tuning(model: TrainedModel, data: Dataset) -> None:
    network = unlearn(TAU, model, data, request("nabla-tau", alpha=0, batch_size=16)).network
    work, asked = made(model, data, alpha=0, batch_size=16)
    student = set_mode(work.student(), "train")
    optimiser = make_optimiser(student.parameters(), asked)
    for _, retain in pairs(work, asked):
        work.step(F.cross_entropy(work.logits(student, retain.inputs), retain.labels), optimiser, 1)
    assert same_tensors(student, state_of(network))


def test_a_class_at_its_target_has_a_slope_of_exactly_zero() -> None:
    for reached in (2.0, 2.5, 9.0):
        loss = torch.tensor(reached, requires_grad=True)
        assert torch.autograd.grad(forgetting_loss(loss, 2.0), loss)[0].item() == 0
    below = torch.tensor(1.5, requires_grad=True)
    assert torch.autograd.grad(forgetting_loss(below, 2.0), below)[0].item() == -1


def test_past_the_target_only_the_retained_images_move_the_weights(model: TrainedModel, data: Dataset) -> None:
    work, asked = made(model, data, bn_mode="eval")
    student = set_mode(work.student(), "eval")
    forget, retain = next(pairs(work, asked))
    parts = list(student.parameters())
    found = torch.autograd.grad(paired_loss(work, student, asked, forget, retain, 0.0, 0.5), parts)
    expected = torch.autograd.grad(0.5 * F.cross_entropy(work.logits(student, retain.inputs), retain.labels), parts)
    assert all(map(torch.equal, found, expected))


def test_the_weight_falls_to_zero() -> None:
    assert alpha_at(0, 40, 0.3) == 0.3
    assert alpha_at(40, 40, 0.3) == 0
    assert alpha_at(10, 40, 0.4) == pytest.approx(0.3)


def test_the_rule_of_thumb(model: TrainedModel, data: Dataset) -> None:
    assert first_alpha(*made(model, data)) == pytest.approx(5 / 3 * 30 / 120)
    assert first_alpha(*made(model, data, classes=(0, 1, 2))) == 1
    assert first_alpha(*made(model, data, alpha=0.2)) == 0.2


def test_the_target_is_chance_or_given_or_that_of_held_out_images(model: TrainedModel, data: Dataset) -> None:
    def target(**fields: object) -> float:
        work, asked = made(model, data, **fields)
        return target_loss(work, work.student(), asked)

    assert target() == pytest.approx(math.log(4))
    assert target(target="given", target_loss=5.5) == 5.5
    held_out = data["calibration"]
    expected = float(F.cross_entropy(logits_of(model.network, held_out), held_out.labels))
    assert target(target="held-out") == pytest.approx(expected, rel=0.05)
    assert target(compat=True) == target(target="held-out")


def test_the_class_is_seen_as_it_is_and_leaves_the_batch_norms_alone(model: TrainedModel, data: Dataset) -> None:
    work, asked = made(model, data, batch_size=16)
    forget, retain = next(pairs(work, asked))
    plain = work.batch(work.forget, forget.positions)
    assert torch.equal(plain.inputs, forget.inputs)
    student, only_retained = work.student(), work.student()
    paired_loss(work, student, asked, forget, retain, 2.0, 0.5)
    work.logits(only_retained, retain.inputs)
    assert same_tensors(student, state_of(only_retained))
    paired_loss(work, student, asked.model_copy(update={"compat": True}), forget, retain, 2.0, 0.5)
    work.logits(only_retained, retain.inputs)
    assert not same_tensors(student, state_of(only_retained))


def test_it_raises_the_classes_loss_to_its_target(model: TrainedModel, data: Dataset) -> None:
    asked = request("nabla-tau", learning_rate=2e-3, epochs=30, batch_size=32, bn_mode="eval")
    network = unlearn(TAU, model, data, asked).network
    forget = made(model, data)[0].forget
    before, after = (F.cross_entropy(logits_of(part, forget), forget.labels) for part in (model.network, network))
    assert before < math.log(4) * 0.9 < after
