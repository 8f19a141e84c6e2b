"""Strided 1×1 convolutions of few channels: the same weights and numbers, and gradients that are right everywhere.

Without the way round, the test of gradients fails on processors with AVX2 alone; the others can fail anywhere.
"""

import copy

import pytest
import torch
from torch import Tensor, nn

from orthoui.models.anatomy import examine
from orthoui.models.architectures import ARCHITECTURES
from orthoui.models.fast import fast_copy
from orthoui.models.pointwise import FEW, SkippingPointwise, mend_strided_pointwise


def mended(convolution: nn.Conv2d) -> nn.Module:
    network = nn.Sequential(convolution)
    mend_strided_pointwise(network)
    return network[0]


def gradient(convolution: nn.Module, images: Tensor) -> Tensor:
    (found,) = torch.autograd.grad((convolution(images) ** 2).sum(), [convolution.get_parameter("weight")])
    return found


@pytest.mark.parametrize("channels", [1, 3, 4, 7, 8, FEW - 1])
@pytest.mark.parametrize("side", [1, 7, 8])
def test_the_gradient_of_the_weights_is_right(channels: int, side: int) -> None:
    torch.manual_seed(0)
    images = torch.randn(8, channels, side, side)
    plain = nn.Conv2d(channels, 8, 1, stride=2, bias=False)
    exact = gradient(copy.deepcopy(plain).double(), images.double())
    found = gradient(mended(plain), images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bias", [True, False])
def test_weights_numbers_and_random_draws_stay(bias: bool) -> None:
    torch.manual_seed(0)
    before = nn.Conv2d(4, 8, 1, stride=(2, 3), bias=bias)
    drawn = torch.get_rng_state()
    after = mended(before)
    assert isinstance(after, SkippingPointwise)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert after.weight is before.weight and after.bias is before.bias
    images = torch.randn(2, 4, 9, 8)
    torch.testing.assert_close(after(images), before(images))


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(4, 8, 3, stride=2),
        nn.Conv2d(4, 8, 1),
        nn.Conv2d(FEW, 8, 1, stride=2),
        nn.Conv2d(4, 8, 1, stride=2, padding=1),
        nn.Conv2d(4, 8, 1, stride=2, groups=2),
        nn.LazyConv2d(8, 1, stride=2),
    ],
)
def test_all_others_stay(convolution: nn.Conv2d) -> None:
    assert mended(convolution) is convolution


@pytest.mark.parametrize(("width", "skipping"), [(4, 2), (8, 1), (16, 0)])
def test_narrow_resnets_have_them_in_their_shortcuts(width: int, skipping: int) -> None:
    network = ARCHITECTURES["resnet18"](classes=3, width=width)
    assert sum(isinstance(module, SkippingPointwise) for module in network.modules()) == skipping


def test_the_fast_form_of_a_network_keeps_them() -> None:
    network, images = ARCHITECTURES["resnet18"](classes=3, width=4).eval(), torch.randn(2, 3, 32, 32)
    fast = fast_copy(network, examine(network, images), torch.float32)
    assert sum(isinstance(module, SkippingPointwise) for module in fast.modules()) == 2
    with torch.no_grad():
        torch.testing.assert_close(fast(images), network(images), rtol=1e-4, atol=1e-4)
