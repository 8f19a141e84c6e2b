"""IAU: the gradient that is accumulated, and the three rules of its one step."""

from dataclasses import replace

import pytest
import torch

from orthoui.data import Dataset
from orthoui.errors import CancelledError
from orthoui.methods import METHODS, unlearn
from orthoui.methods.iau import UNPREPARED, IauRequest, influence, mean_gradient
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel
from tests.methods.working import moved, request, work_of
from tests.tiny import inputs, same_tensors, state_of

IAU = METHODS["iau"]


def gradient(model: TrainedModel, data: Dataset, **fields: object) -> list[torch.Tensor]:
    asked = request("iau", **fields)
    work = work_of(model, data, asked)
    return influence(work, work.student().eval(), work.asked(IauRequest))


@pytest.mark.parametrize("rule", ["sgd", "normalised", "adam"])
def test_a_rate_of_zero_is_the_identity(model: TrainedModel, data: Dataset, rule: str) -> None:
    before = state_of(model.network)
    assert same_tensors(unlearn(IAU, model, data, request("iau", rule=rule, learning_rate=0)).network, before)


def test_equal_sets_give_no_gradient(model: TrainedModel, data: Dataset) -> None:
    work = work_of(model, data, request("iau"))
    work.retain = work.forget
    assert all(not part.any() for part in influence(work, work.student().eval(), work.asked(IauRequest)))


@pytest.mark.parametrize("size", [1, 7, 32, 90])
def test_the_gradient_does_not_depend_on_the_batch_size(model: TrainedModel, data: Dataset, size: int) -> None:
    work = work_of(model, data, request("iau"))
    network = work.student().eval()
    whole, parts = (mean_gradient(work, network, work.retain, batch) for batch in (4096, size))
    length = sum((part**2).sum() for part in whole) ** 0.5
    assert sum(((a - b) ** 2).sum() for a, b in zip(whole, parts, strict=True)) ** 0.5 <= 1e-5 * length


def test_the_gradient_is_that_of_the_mean_losses(model: TrainedModel, data: Dataset) -> None:
    work = work_of(model, data, request("iau"))
    network = work.student().eval()
    losses = [
        torch.nn.functional.cross_entropy(network(inputs(part)), part.labels) for part in (work.retain, work.forget)
    ]
    expected = torch.autograd.grad(losses[0] - 0.25 * losses[1], list(network.parameters()))
    found = gradient(model, data, ratio=0.25, batch_size=13)
    for one, two in zip(found, expected, strict=True):
        assert torch.allclose(one, two, rtol=1e-3, atol=1e-5)


def test_adam_moves_every_weight_by_its_rate(model: TrainedModel, data: Dataset) -> None:
    slope = gradient(model, data)
    network = unlearn(IAU, model, data, request("iau", compat=True)).network
    seen = 0
    for now, then, part in zip(network.parameters(), model.network.parameters(), slope, strict=True):
        clear = part.abs() > 1e-4
        change = (now.double() - then.double())[clear]
        seen += len(change)
        assert ((change.abs() - 1e-3).abs() <= 1e-3 * 1e-3 + 2e-7).all()  # the last term: weights are float32
        assert torch.equal(change.sign(), -part[clear].sign().double())
    assert seen > 1000


def test_plain_steps_follow_the_gradient_normalised_ones_have_a_length(model: TrainedModel, data: Dataset) -> None:
    slope = gradient(model, data)
    plain = unlearn(IAU, model, data, request("iau", learning_rate=0.1)).network
    for now, then, part in zip(plain.parameters(), model.network.parameters(), slope, strict=True):
        assert torch.allclose(now, then - 0.1 * part, atol=1e-6)
    assert moved(unlearn(IAU, model, data, request("iau", rule="normalised", learning_rate=0.5)).network, model) == (
        pytest.approx(0.5, rel=1e-4)
    )


def test_the_step_raises_the_classes_loss_and_batch_norms_stay(model: TrainedModel, data: Dataset) -> None:
    network = unlearn(IAU, model, data, request("iau", learning_rate=1e-3, ratio=5)).network
    forget = work_of(model, data, request("iau")).forget
    before, after = (
        torch.nn.functional.cross_entropy(part(inputs(forget)), forget.labels) for part in (model.network, network)
    )
    assert after > before
    assert all(map(torch.equal, network.buffers(), model.network.buffers()))


def test_as_published_overrides_rule_and_ratio(model: TrainedModel, data: Dataset) -> None:
    published = unlearn(IAU, model, data, request("iau", compat=True, ratio=7)).network
    same = unlearn(IAU, model, data, request("iau", rule="adam", ratio=1)).network
    assert same_tensors(published, state_of(same))


def test_it_can_be_cancelled_and_counts_every_image_once(model: TrainedModel, data: Dataset) -> None:
    with pytest.raises(CancelledError):
        unlearn(IAU, model, data, request("iau"), Watch(cancelled=lambda: True))
    done = unlearn(IAU, replace(model), data, request("iau"))
    assert done.samples == done.forward == done.backward == len(data["train"])


def test_it_says_when_the_model_was_trained_without_the_restriction(model: TrainedModel, data: Dataset) -> None:
    prepared = replace(model, card=model.card.model_copy(update={"recipe": {"gradient_restriction": 0.005}}))
    said, silent = (unlearn(IAU, one, data, request("iau")).notes for one in (model, prepared))
    assert list(said) == [UNPREPARED] and not silent
