"""Convolutions over small maps: the same responses and gradients as always."""

import copy

import pytest
import torch
from torch import nn

from orthoui.training.small_maps import SMALL, SmallMapConv2d, quicken_small_maps
from tests.tiny import random_network, same_tensors, state_of


def pair(size: int, stride: int, padding: int) -> tuple[nn.Conv2d, nn.Conv2d]:
    torch.manual_seed(0)
    plain = nn.Conv2d(6, 10, size, stride, padding, bias=False).double().to(memory_format=torch.channels_last)
    quick = nn.Sequential(copy.deepcopy(plain))
    quicken_small_maps(quick)
    assert isinstance(quick[0], SmallMapConv2d)
    return plain, quick[0]


def passed(layer: nn.Conv2d, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Responses, and the gradients of images and weight for a fixed gradient of the responses."""
    images = images.clone(memory_format=torch.preserve_format).requires_grad_()
    responses = layer(images)
    backward = torch.randn(responses.shape, generator=torch.Generator().manual_seed(2)).to(responses)
    found = torch.autograd.grad(responses, (images, layer.weight), backward)
    return responses.detach(), *found


@pytest.mark.parametrize(
    ("size", "stride", "padding", "height", "width"),
    [
        (3, 1, 1, 4, 4), (3, 2, 1, 8, 8), (1, 2, 0, 8, 8), (3, 2, 1, 7, 7), (1, 1, 0, 3, 3), (2, 2, 0, 7, 8),
        (3, 1, 0, 5, 6),
    ],
)  # fmt: skip
def test_responses_and_gradients_are_those_of_a_convolution(
    size: int, stride: int, padding: int, height: int, width: int
) -> None:
    images = torch.randn(5, 6, height, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    plain, quick = pair(size, stride, padding)
    expected, found = passed(plain, images), passed(quick, images)
    assert expected[0].shape[-2] * expected[0].shape[-1] <= SMALL
    for right, ours in zip(expected, found, strict=True):
        torch.testing.assert_close(ours, right, rtol=1e-12, atol=1e-12)


def test_mixed_precision_computes_in_the_same_format() -> None:
    plain, quick = (layer.float() for layer in pair(3, 1, 1))
    images = torch.randn(8, 6, 4, 4, generator=torch.Generator().manual_seed(1))
    images = images.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected, found = passed(plain, images), passed(quick, images)
    assert found[0].dtype == torch.bfloat16 and found[2].dtype == torch.float32
    for right, ours in zip(expected, found, strict=True):
        torch.testing.assert_close(ours, right, rtol=0.02, atol=0.02)


def test_larger_maps_are_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("orthoui.training.small_maps.weight_gradient", never)
    _, quick = pair(3, 1, 1)
    images = torch.zeros(2, 6, 5, 4, dtype=torch.float64)
    passed(quick, images)
    with pytest.raises(AssertionError):
        passed(quick, images[:, :, :4])


def test_only_plain_convolutions_are_taken_and_weights_stay() -> None:
    network = random_network("resnet18")
    before, names = state_of(network), list(network.state_dict())
    quicken_small_maps(network)
    assert list(network.state_dict()) == names and same_tensors(network, before)
    assert sum(isinstance(module, SmallMapConv2d) for module in network.modules()) >= 17
    special = nn.Sequential(
        nn.Conv2d(4, 4, 3, groups=2, bias=False), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3, dilation=2, bias=False),
        nn.Conv2d(4, 4, (1, 3), bias=False), nn.Conv2d(4, 4, 3, padding="same", bias=False),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect", bias=False),
    )  # fmt: skip
    quicken_small_maps(special)
    assert {type(module) for module in special} == {nn.Conv2d}
