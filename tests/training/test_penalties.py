"""Penalty families against their definitions."""

import pytest
import torch
from torch import Tensor, nn

from orthoui.training.muon import scale
from orthoui.training.orthogonality import penalised_convolutions
from orthoui.training.penalties import PENALTIES, _convolutional, _spectral, least_penalty, penalty_weight
from orthoui.training.recipe import Recipe
from tests.tiny import random_network

RECIPE = Recipe(orthogonality=0.1)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def orthogonal(rows: int, columns: int) -> Tensor:
    return nn.init.orthogonal_(torch.empty(rows, columns))


def test_gram_is_the_papers_sum_over_all_convolutions() -> None:
    network = random_network()
    expected = sum(
        float((w.flatten(1) @ w.flatten(1).T - torch.eye(len(w))).square().sum())
        for w in (part.weight for part in penalised_convolutions(network))
    )
    assert float(PENALTIES["gram"](network, RECIPE, generator())) == pytest.approx(expected, rel=1e-5)


def test_srip_is_the_square_of_the_largest_eigenvalue_where_it_dominates() -> None:
    weight = orthogonal(6, 18)
    assert float(_spectral(weight.view(6, 2, 3, 3), generator())) < 1e-9
    weight[0] *= 3  # Gram − I has one eigenvalue, 8
    assert float(_spectral(weight.view(6, 2, 3, 3), generator())) == pytest.approx(64, rel=1e-3)


def test_srip_uses_the_smaller_gram_matrix_and_the_classifier_too() -> None:
    assert float(_spectral(orthogonal(20, 5).view(20, 5, 1, 1), generator())) < 1e-9
    network = random_network()
    before = float(PENALTIES["srip"](network, RECIPE, generator()))
    network.fc.weight.data.mul_(10)  # type: ignore[operator, union-attr]
    assert float(PENALTIES["srip"](network, RECIPE, generator())) > before


def test_srip_fades_as_its_authors_let_it() -> None:
    srip = RECIPE.model_copy(update={"penalty": "srip"})
    shares = (0, 0.09, 0.11, 0.26, 0.4, 0.7)
    assert [penalty_weight(srip, share) for share in shares] == pytest.approx([0.1, 0.1, 1e-4, 1e-5, 1e-7, 0])
    assert penalty_weight(RECIPE, 0.9) == 0.1


def test_ocnn_is_zero_for_filters_orthogonal_to_all_shifts_of_each_other() -> None:
    kernels = torch.zeros(4, 4, 3, 3)
    kernels[:, :, 1, 1] = orthogonal(4, 4)  # a delta in the middle: every shift but none overlaps nowhere
    convolution = nn.Conv2d(4, 4, 3, padding=1, bias=False)
    convolution.weight.data = kernels
    assert float(_convolutional(convolution)) < 1e-5


def test_ocnn_sees_shifts_that_the_gram_matrix_does_not() -> None:
    kernels = torch.zeros(2, 1, 3, 3)
    kernels[0, 0, 1, 0] = kernels[1, 0, 1, 2] = 1.0  # the same filter, moved: orthogonal as rows
    convolution = nn.Conv2d(1, 2, 3, padding=1, bias=False)
    convolution.weight.data = kernels
    assert float(PENALTIES["gram"](convolution, RECIPE, generator())) == pytest.approx(0)
    assert float(_convolutional(convolution)) == pytest.approx(2**0.5)


def test_ocnn_of_pointwise_kernels_is_their_gram_matrix() -> None:
    wide = nn.Conv2d(3, 8, 1, bias=False)
    wide.weight.data = orthogonal(8, 3).view(8, 3, 1, 1)
    assert float(_convolutional(wide)) < 1e-5


@pytest.mark.parametrize(
    ("channels", "filters", "size", "stride"),
    [(3, 30, 3, 1), (2, 9, 3, 2), (2, 20, 3, 4), (4, 8, 1, 1), (8, 4, 3, 1)],
)
def test_no_weights_bring_a_penalty_below_its_least_and_some_reach_it(
    channels: int, filters: int, size: int, stride: int
) -> None:
    layer = nn.Conv2d(channels, filters, size, stride=stride, bias=False)
    torch.manual_seed(0)
    drawn = [torch.randn_like(layer.weight) * scale for scale in (0.01, 0.1, 0.3)]
    taps = min(stride, size)  # as many in a row meet no tap of a shifted kernel
    corner = torch.zeros_like(layer.weight)
    corner[:, :, :taps, :taps] = orthogonal(filters, channels * taps**2).view(filters, channels, taps, taps)
    best = {"gram": orthogonal(filters, channels * size**2).view_as(corner), "srip": None, "ocnn": corner}
    best["srip"] = best["gram"]
    for name, reached in best.items():
        recipe = RECIPE.model_copy(update={"penalty": name})
        least = least_penalty(layer, recipe)
        for weight in drawn:
            layer.weight.data = weight
            assert float(PENALTIES[name](layer, recipe, generator())) > least
        assert reached is not None
        layer.weight.data = reached
        assert float(PENALTIES[name](layer, recipe, generator())) == pytest.approx(least, abs=1e-4)


def test_weights_that_keep_their_norm_cannot_come_as_low() -> None:
    layer = nn.Conv2d(4, 12, 1, bias=False)
    least = least_penalty(layer, RECIPE, [layer.weight])
    assert least == 8 + 8**2 / 4 > least_penalty(layer, RECIPE)
    for _ in range(20):
        layer.weight.data.normal_()
        scale(layer.weight.data)
        assert float(PENALTIES["gram"](layer, RECIPE, generator())) > least
    layer.weight.data = orthogonal(12, 4).view(12, 4, 1, 1)
    scale(layer.weight.data)
    assert float(PENALTIES["gram"](layer, RECIPE, generator())) == pytest.approx(least, abs=1e-4)
    few = nn.Conv2d(4, 3, 1, bias=False)
    assert least_penalty(few, RECIPE, [few.weight]) == 0


def test_the_least_of_a_network_is_that_of_its_penalised_layers() -> None:
    network = random_network("resnet50")
    wide = [(part.weight.shape[0], part.weight[0].numel()) for part in penalised_convolutions(network)]
    assert least_penalty(network, RECIPE) == sum(max(0, filters - d) for filters, d in wide) > 0
    only = RECIPE.model_copy(update={"ortho_layers": "no_1x1"})
    assert least_penalty(network, only) < least_penalty(network, RECIPE)


@pytest.mark.parametrize("name", ["gram", "srip", "ocnn"])
def test_every_family_has_a_gradient_and_repeats_by_its_seed(name: str) -> None:
    network = random_network().requires_grad_()
    one, two = (PENALTIES[name](network, RECIPE, generator()) for _ in range(2))
    assert torch.equal(one, two)
    one.backward()  # type: ignore[no-untyped-call]
    assert all(part.weight.grad is not None for part in penalised_convolutions(network))
