"""Fine-tuning after pruning: equations (18) and (19), early stop, cancelling, and nothing else touched."""

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from orthoui.data import Dataset, ImageSet
from orthoui.errors import CancelledError, RequestError
from orthoui.forgetting import finetuning
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.finetuning import Epoch, FineTuning, fine_tune
from orthoui.forgetting.profiles import measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.trained import TrainedModel
from tests.tiny import inputs, same_tensors, state_of

SETTINGS = FineTuning(epochs=2, batch_size=30, learning_rate=0.01)


@pytest.fixture(autouse=True)
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "fast_dtype", lambda device: torch.float32)


@pytest.fixture
def pruned(model: TrainedModel, data: Dataset) -> nn.Module:
    request = ForgetRequest(classes=(1,), ratio=0.3, strength=0.8)
    return pruned_network(
        model.network, model.anatomy, make_plan(measure(model, data["train"], 5), model.anatomy, request)
    )


@pytest.fixture
def kept(data: Dataset) -> ImageSet:
    return data["train"].without((1,))


def rising(start: float = 0.0) -> Callable[[nn.Module], float]:
    values: Iterator[float] = iter(range(1000))
    return lambda network: start + next(values)


def test_fine_tuning_changes_a_copy_and_nothing_that_is_shared(
    model: TrainedModel, pruned: nn.Module, kept: ImageSet
) -> None:
    resident, before = state_of(model.network), state_of(pruned)
    tuned = fine_tune(pruned, model, kept, SETTINGS, accuracy=rising())
    assert same_tensors(model.network, resident)
    assert same_tensors(pruned, before)
    assert not same_tensors(tuned, before)
    assert not tuned.training
    assert not any(parameter.requires_grad for parameter in [*tuned.parameters(), *model.network.parameters()])


def test_fine_tuning_lowers_the_loss_on_retained_images(
    model: TrainedModel, pruned: nn.Module, kept: ImageSet
) -> None:
    tuned = fine_tune(pruned, model, kept, SETTINGS.model_copy(update={"epochs": 3}), accuracy=rising())
    with torch.no_grad():
        losses = [float(nn.functional.cross_entropy(net(inputs(kept)), kept.labels)) for net in (pruned, tuned)]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("freeze", [True, False])
def test_batch_norm_statistics_move_only_when_they_are_not_kept(
    model: TrainedModel, pruned: nn.Module, kept: ImageSet, freeze: bool
) -> None:
    tuned = fine_tune(pruned, model, kept, SETTINGS.model_copy(update={"freeze_bn": freeze}), accuracy=rising())
    same = [torch.equal(*pair) for pair in zip(pruned.buffers(), tuned.buffers(), strict=True)]
    assert all(same) if freeze else not any(same)


def test_the_learning_rate_decays_exponentially(
    model: TrainedModel, pruned: nn.Module, kept: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    step = finetuning._step

    def spy(*given: object) -> float:
        rates.append(given[3].param_groups[0]["lr"])  # type: ignore[attr-defined]
        return step(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(finetuning, "_step", spy)
    settings = SETTINGS.model_copy(update={"epochs": 3, "decay": 0.5})
    fine_tune(pruned, model, kept, settings, accuracy=rising())
    assert rates == pytest.approx([0.01] * 3 + [0.005] * 3 + [0.0025] * 3)


def test_one_step_follows_the_gradient_of_the_retained_loss(
    model: TrainedModel, pruned: nn.Module, kept: ImageSet
) -> None:
    settings = FineTuning(epochs=1, batch_size=len(kept), learning_rate=0.1, momentum=0, weight_decay=0)
    tuned = fine_tune(pruned, model, kept, settings, accuracy=rising())
    expected = copy.deepcopy(pruned).requires_grad_()
    nn.functional.cross_entropy(expected(inputs(kept)), kept.labels).backward()  # type: ignore[no-untyped-call]
    for (name, parameter), moved in zip(expected.named_parameters(), tuned.parameters(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(moved, parameter.detach() - 0.1 * parameter.grad, rtol=1e-3, atol=1e-5, msg=name)


def test_it_stops_when_the_accuracy_no_longer_rises_and_returns_the_best_epoch(
    model: TrainedModel, pruned: nn.Module, kept: ImageSet
) -> None:
    values, states, reported = iter([60.0, 59.0, 60.0, 99.0]), [], list[Epoch]()

    def accuracy(network: nn.Module) -> float:
        assert not network.training
        states.append(state_of(network))
        return next(values)

    settings = SETTINGS.model_copy(update={"epochs": 9, "patience": 2})
    tuned = fine_tune(pruned, model, kept, settings, accuracy=accuracy, report=reported.append)
    assert [(epoch.epoch, epoch.accuracy) for epoch in reported] == [(1, 60), (2, 59), (3, 60)]
    assert same_tensors(tuned, states[0])
    assert not same_tensors(tuned, states[2])


def test_what_is_returned_was_fine_tuned_even_if_that_did_no_good(
    model: TrainedModel, pruned: nn.Module, kept: ImageSet
) -> None:
    """The pruned network itself is measured elsewhere; under this name it would pass for what it is not."""
    judged, values = list[nn.Module](), iter([80.0, 70.0])

    def accuracy(network: nn.Module) -> float:
        judged.append(copy.deepcopy(network))
        return next(values)

    tuned = fine_tune(pruned, model, kept, SETTINGS, accuracy=accuracy)
    assert not any(same_tensors(network, state_of(pruned)) for network in judged)
    assert same_tensors(tuned, state_of(judged[0]))


def test_a_loss_that_is_no_longer_a_number_ends_it(
    model: TrainedModel, pruned: nn.Module, kept: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, losses, states = finetuning._step, iter([0.5] * 4 + [float("nan")]), list[dict[str, torch.Tensor]]()

    def spy(*given: object) -> float:
        step(*given)  # type: ignore[arg-type]
        return next(losses)

    def accuracy(network: nn.Module) -> float:
        states.append(state_of(network))
        return 50.0

    monkeypatch.setattr(finetuning, "_step", spy)
    tuned = fine_tune(pruned, model, kept, SETTINGS, accuracy=accuracy)
    assert len(states) == 1 and same_tensors(tuned, states[0])
    losses = iter([float("nan")])
    with pytest.raises(RequestError, match=r"the loss is no longer a number\. Choose a lower learning rate"):
        fine_tune(pruned, model, kept, SETTINGS, accuracy=accuracy)


def test_cancelling_stops_within_one_step(model: TrainedModel, pruned: nn.Module, kept: ImageSet) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked == 3

    before = state_of(pruned)
    with pytest.raises(CancelledError, match=r"Fine-tuning was cancelled\. The pruned model is unchanged\."):
        fine_tune(pruned, model, kept, SETTINGS, accuracy=rising(), cancelled=cancelled)
    assert asked == 3
    assert same_tensors(pruned, before)


def test_the_same_seed_gives_the_same_weights(model: TrainedModel, pruned: nn.Module, kept: ImageSet) -> None:
    one, again, other = (
        fine_tune(pruned, model, kept, SETTINGS.model_copy(update={"seed": seed}), accuracy=rising())
        for seed in (1, 1, 2)
    )
    assert same_tensors(again, state_of(one))
    assert not same_tensors(other, state_of(one))


def test_too_few_images_are_refused_in_words(model: TrainedModel, pruned: nn.Module, kept: ImageSet) -> None:
    with pytest.raises(RequestError) as raised:
        fine_tune(pruned, model, kept, FineTuning(batch_size=128), accuracy=rising())
    assert str(raised.value) == "Fine-tuning needs a batch of 128 retained images; there are 90."
