"""Forgetting steps on salient weights among repairing steps."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from orthoui.data import Dataset
from orthoui.methods import METHODS, unlearn
from orthoui.methods.sfron import SFRonRequest, adaptive_weights, ascent_at, follow, forget_step, rounds, salient
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel
from tests.methods.works import buffers_of, equal, parameters_of, work_on
from tests.tiny import same_tensors

SFRON = METHODS["sfron"]


def asked(**fields: object) -> SFRonRequest:
    return SFRonRequest.model_validate({"classes": (1,), "batch_size": 16, "steps": 7, "forget_every": 3, **fields})


def test_without_ascent_it_is_fine_tuning_with_empty_steps_between(model: TrainedModel, data: Dataset) -> None:
    request = asked(ascent=0)
    work = work_on(model, data, request)
    student = work.student()
    optimiser = torch.optim.SGD(student.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    forget, retain = (work.endless(part, 16, augmented=True) for part in (work.forget, work.retain))
    taken = 0
    for step in range(7):
        for group in optimiser.param_groups:
            group["lr"] = 0.01 * (1 + math.cos(math.pi * step / 7)) / 2
        if step % 3 == 0:
            work.logits(student, next(forget).inputs)  # batch norms move
            for part in student.parameters():
                part.grad = torch.zeros_like(part)
            optimiser.step()
            taken += 1
        batch = next(retain)
        work.step(F.cross_entropy(work.logits(student, batch.inputs), batch.labels), optimiser, 16)
        taken += 1
    assert taken == 7 + math.ceil(7 / 3)
    done = unlearn(SFRON, model, data, request)
    for one, two in zip(done.network.state_dict().values(), student.state_dict().values(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)  # the rate is computed in another order


@given(seed=st.integers(0, 99), adaptivity=st.floats(0, 5))
def test_the_weights_of_a_batch_sum_to_one_and_favour_small_losses(seed: int, adaptivity: float) -> None:
    losses = torch.rand(9, generator=torch.Generator().manual_seed(seed), requires_grad=True) + 0.01
    weights = adaptive_weights(losses, adaptivity)
    assert not weights.requires_grad
    assert float(weights.sum()) == pytest.approx(1, abs=1e-5)
    assert (weights[losses.argsort()].diff() <= 1e-6).all()


def test_without_adaptivity_it_is_the_plain_mean_and_a_loss_of_zero_is_no_trouble() -> None:
    losses = torch.tensor([0.0, 0.5, 3.0])
    torch.testing.assert_close(adaptive_weights(losses, 0), torch.full((3,), 1 / 3))
    for adaptivity in (0.5, 3, 10):
        torch.testing.assert_close(adaptive_weights(losses, adaptivity), torch.tensor([1.0, 0, 0]), atol=1e-6, rtol=0)


def test_salient_weights_by_the_ratio_of_importances() -> None:
    forget, retain = torch.tensor([0.0, 1e-20, 2.0, 1.0, 3.0]), torch.tensor([0.0, 1.0, 1.0, 2.0, 0.0])
    assert salient([forget], [retain], 1)[0].tolist() == [True, False, True, False, True]
    assert not salient([forget], [retain], math.inf)[0].any()
    assert salient([forget], [retain], 0)[0].all()


def step_once(model: TrainedModel, data: Dataset, masks_of: float, **fields: object) -> list[torch.Tensor]:
    """Gradients of one forgetting step as the optimiser sees them."""
    request = asked(**fields)
    work = work_on(model, data, request)
    student = work.student().eval()
    generator = torch.Generator().manual_seed(2)
    masks = [torch.rand(part.shape, generator=generator) < masks_of for part in student.parameters()]
    optimiser = torch.optim.SGD(student.parameters(), lr=0.1)
    batch = work.batch(work.forget, torch.arange(16))
    forget_step(work, student, batch, optimiser, masks, request, 25)
    for part, mask in zip(student.parameters(), masks, strict=True):
        assert (part.grad[~mask] == 0).all()
    return [part.grad for part in student.parameters()]


def test_no_weight_outside_the_mask_gets_a_forgetting_gradient(model: TrainedModel, data: Dataset) -> None:
    gradients = step_once(model, data, 0.5)
    assert sum(float(part.square().sum()) for part in gradients) > 0
    assert all((part == 0).all() for part in step_once(model, data, 0.0))


def test_an_infinite_saliency_leaves_no_weight_to_forget(model: TrainedModel, data: Dataset) -> None:
    zero = unlearn(SFRON, model, data, asked(ascent=0))
    none = unlearn(SFRON, model, data, asked().model_copy(update={"saliency": math.inf}))
    assert same_tensors(none.network, zero.network.state_dict())


def test_forgetting_gradients_are_clipped_after_the_mask(model: TrainedModel, data: Dataset) -> None:
    norm = sum(float(part.square().sum()) for part in step_once(model, data, 0.5, clip=0.25)) ** 0.5
    assert norm == pytest.approx(0.25, rel=1e-3)


def test_a_slow_rate_of_zero_is_the_identity_on_parameters(model: TrainedModel, data: Dataset) -> None:
    done = unlearn(SFRON, model, data, asked(slow_rate=0))
    assert equal(done.network.parameters(), parameters_of(model.network))
    assert not equal(done.network.buffers(), buffers_of(model.network))


def test_the_slow_weights_follow_by_the_rate() -> None:
    fast, slow = torch.nn.Parameter(torch.tensor([1.0, 5.0])), torch.tensor([3.0, 1.0])
    follow([fast], [slow], 0.25)
    assert fast.tolist() == [2.5, 2.0]


def test_the_ascent_falls_from_its_start_towards_zero() -> None:
    request = asked(steps=4, ascent=8)
    assert [ascent_at(step, request) for step in range(4)] == pytest.approx(
        [8, 4 + 2 * math.sqrt(2), 4, 4 - 2 * math.sqrt(2)]
    )


def test_steps_are_counted_and_told(model: TrainedModel, data: Dataset) -> None:
    steps: list[tuple[int, int]] = []
    done = unlearn(SFRON, model, data, asked(), Watch(progress=lambda step, total, loss: steps.append((step, total))))
    assert [pair for pair in steps if pair[0]] == [(step, 7) for step in range(1, 8)]
    assert set(steps[:8]) == {(0, 7)}  # batches of the importances
    assert done.backward == 120 + (7 + 3) * 16
    assert set(done.seconds) == {"statistics", "optimisation"}


def test_zero_steps_are_the_identity(model: TrainedModel, data: Dataset) -> None:
    assert same_tensors(unlearn(SFRON, model, data, asked(steps=0)).network, model.network.state_dict())


def test_forgetting_raises_the_loss_of_the_class(model: TrainedModel, data: Dataset) -> None:
    request = asked(steps=6, bn_mode="eval", forget_every=1, learning_rate=0.001)
    work = work_on(model, data, request)
    student = work.student()
    masks = [torch.ones_like(part, dtype=torch.bool) for part in student.parameters()]
    batch = work.batch(work.forget, torch.arange(30))
    before = float(F.cross_entropy(student.eval()(batch.inputs), batch.labels).detach())
    list(rounds(work, student, request, masks))
    assert float(F.cross_entropy(student.eval()(batch.inputs), batch.labels).detach()) > before + 0.5
