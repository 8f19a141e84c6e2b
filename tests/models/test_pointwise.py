"""Strided 1×1 convolutions of few channels: the same weights and numbers, and gradients that are right everywhere."""

import pytest
import torch
from torch import Tensor, nn

from orthoui.models.architectures import ARCHITECTURES
from orthoui.models.pointwise import FEW, SkippingPointwise, without_the_fault


def gradient(convolution: nn.Conv2d, images: Tensor) -> Tensor:
    (found,) = torch.autograd.grad((convolution(images) ** 2).sum(), [convolution.weight])
    return found


@pytest.mark.parametrize("channels", [1, 3, 4, 7])
@pytest.mark.parametrize("side", [1, 7, 8])
def test_the_gradient_of_the_weights_is_right(channels: int, side: int) -> None:
    torch.manual_seed(0)
    images = torch.randn(8, channels, side, side)
    convolution = without_the_fault(nn.Conv2d(channels, 8, 1, stride=2, bias=False))
    exact = nn.Conv2d(channels, 8, 1, stride=2, bias=False).double()
    exact.weight.data = convolution.weight.detach().double()
    found = gradient(convolution, images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found.double(), gradient(exact, images.double()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bias", [True, False])
def test_weights_numbers_and_random_draws_stay(bias: bool) -> None:
    torch.manual_seed(0)
    before = nn.Conv2d(4, 8, 1, stride=(2, 3), bias=bias)
    drawn = torch.get_rng_state()
    after = without_the_fault(before)
    assert isinstance(after, SkippingPointwise)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert after.weight is before.weight and after.bias is before.bias
    images = torch.randn(2, 4, 9, 8)
    torch.testing.assert_close(after(images), before(images))


def test_only_strided_pointwise_convolutions_of_few_channels_are_changed() -> None:
    for convolution in (nn.Conv2d(4, 8, 3, stride=2), nn.Conv2d(4, 8, 1), nn.Conv2d(FEW, 8, 1, stride=2)):
        assert without_the_fault(convolution) is convolution


@pytest.mark.parametrize(("width", "skipping"), [(4, 2), (8, 1), (16, 0)])
def test_narrow_resnets_have_them_in_their_shortcuts(width: int, skipping: int) -> None:
    network = ARCHITECTURES["resnet18"](classes=3, width=width)
    assert sum(isinstance(module, SkippingPointwise) for module in network.modules()) == skipping
