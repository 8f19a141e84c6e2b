"""Muon: orthogonal steps for convolutions, SGD for the rest, and its own schedule."""

import copy

import pytest
import torch
from torch import nn

from orthoui.errors import RequestError
from orthoui.training.muon import Muon, convolutions_for_muon, orthogonalised, scale
from orthoui.training.optimiser import make_optimiser, one_cycle
from orthoui.training.recipe import Recipe
from tests.tiny import random_network, same_tensors, state_of

RECIPE = Recipe(muon=0.05, momentum=0.8, learning_rate=0.1)

pytestmark = pytest.mark.usefixtures("float32")


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(12, 45), (45, 12), (16, 16)])
def test_an_orthogonalised_matrix_keeps_its_directions_and_loses_their_sizes(shape: tuple[int, int]) -> None:
    matrix = drawn(*shape)
    left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ orthogonalised(1000 * matrix) @ right.T
    clear = sizes > 0.1 * sizes.max()
    assert clear.sum() >= len(sizes) - 2
    kept = turned.diagonal()[clear]
    assert float(kept.min()) > 0.6 and float(kept.max()) < 1.3
    assert float((turned - turned.diagonal().diag()).abs().max()) < 1e-3


def test_nothing_learned_is_no_step() -> None:
    assert not orthogonalised(torch.zeros(4, 9)).any()


def with_gradients(seed: int = 1) -> nn.Module:
    network = random_network("resnet18").requires_grad_()
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    return network


def optimiser_of(network: nn.Module, recipe: Recipe = RECIPE) -> torch.optim.SGD:
    return make_optimiser(network, recipe, convolutions_for_muon(network, 32) if recipe.muon else ())


def test_convolutions_take_orthogonal_steps_and_keep_their_norm() -> None:
    network = with_gradients()
    convolution = network.layer1[0].conv1
    optimiser = optimiser_of(network)
    assert isinstance(optimiser, Muon)
    before, gradient = convolution.weight.detach().clone(), convolution.weight.grad.clone()
    assert float(before.norm()) == pytest.approx(len(before) ** 0.5)
    optimiser.param_groups[2]["lr"] = 0.05
    optimiser.step()
    tangent = gradient - before * (gradient * before).sum() / before.square().sum()
    expected = before - 0.05 * orthogonalised(tangent.flatten(1)).view_as(before)
    scale(expected)
    torch.testing.assert_close(convolution.weight.detach(), expected, rtol=1e-4, atol=1e-5)


def test_a_gradient_along_the_weight_is_no_step() -> None:
    """Such is most of the penalty's gradient where filters are more than dimensions; it must not drown the loss's."""
    along, without = with_gradients(), with_gradients()
    for network, share in ((along, 100.0), (without, 0.0)):
        optimiser = optimiser_of(network)
        stem = network.conv1.weight
        stem.grad += share * stem.detach()
        optimiser.param_groups[2]["lr"] = 0.05
        optimiser.step()
    torch.testing.assert_close(along.conv1.weight, without.conv1.weight, rtol=1e-3, atol=1e-3)


def test_everything_else_steps_as_sgd_does() -> None:
    network = with_gradients()
    twin = copy.deepcopy(network)
    for one, other in zip(twin.parameters(), network.parameters(), strict=True):
        one.grad = None if other.grad is None else other.grad.clone()
    optimiser_of(network).step()
    optimiser_of(twin, RECIPE.model_copy(update={"muon": 0.0})).step()
    turned = {id(module.weight) for module in network.modules() if isinstance(module, nn.Conv2d)}
    others = [name for name, parameter in network.named_parameters() if id(parameter) not in turned]
    assert others
    after, expected = state_of(network), state_of(twin)
    assert all(torch.equal(after[name], expected[name]) for name in others)
    assert not same_tensors(network, expected)


def test_only_whole_convolutions_before_a_batch_norm_are_turned() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Conv2d(6, 6, 3, groups=6), nn.BatchNorm2d(6), nn.Conv2d(6, 4, 1)
    )
    assert convolutions_for_muon(network, 8) == ["0"]
    with pytest.raises(RequestError, match="this network has none"):
        convolutions_for_muon(random_network("vgg16"), 32)


def seen(recipe: Recipe, field: str, steps: int = 40) -> list[list[float]]:
    optimiser = optimiser_of(with_gradients(), recipe)
    schedule = one_cycle(optimiser, recipe.model_copy(update={"epochs": 1}), steps)
    values = []
    for _ in range(steps):
        values.append([group[field] for group in optimiser.param_groups])
        optimiser.step()
        schedule.step()
    return values


def test_each_part_has_its_peak_and_muons_momentum_stays() -> None:
    rates = seen(RECIPE, "lr")
    assert [max(column) for column in zip(*rates, strict=True)] == pytest.approx([0.1, 0.1, 0.05])
    assert rates.index(max(rates)) == 3 and max(rates[-1]) < 0.01
    assert {value for row in seen(RECIPE, "momentum") for value in row} == {0.8}


def test_sgds_momentum_swings_around_the_recipes() -> None:
    swinging = [row[0] for row in seen(RECIPE.model_copy(update={"muon": 0.0}), "momentum")]
    assert (min(swinging), max(swinging)) == pytest.approx((0.75, 0.85), abs=1e-3)


@pytest.mark.parametrize("muon", [0.0, 0.05])
def test_a_training_of_a_single_step_has_a_schedule(muon: float) -> None:
    assert len(seen(RECIPE.model_copy(update={"muon": muon}), "lr", steps=1)) == 1
