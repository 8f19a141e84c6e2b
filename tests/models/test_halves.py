"""Networks in two halves: the same answers, and nothing of a plan in the first one."""

import pytest
import torch
from torch import Tensor, nn

from orthoui.models.anatomy import Anatomy, examine
from orthoui.models.architectures import build
from orthoui.models.halves import falls_in_halves, first_half, second_half, where_to_cut
from orthoui.models.sharing import sharing_copy
from tests.tiny import make_uneven, same_tensors, state_of

IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SEVERAL = ["resnet18", "resnet50", "vgg16", "vgg16_bn", "timm:resnet10t"]


def network_and_anatomy(architecture: str) -> tuple[nn.Module, Anatomy]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build(architecture, 4, 8).eval().requires_grad_(False)
    make_uneven(network)
    return network, examine(network, IMAGES)


@pytest.mark.parametrize("architecture", SEVERAL)
def test_the_halves_do_what_the_whole_does_and_the_first_knows_nothing_of_the_layers(architecture: str) -> None:
    network, anatomy = network_and_anatomy(architecture)
    before = state_of(network)
    cuts = set()
    for stage in anatomy.stages[1:]:
        layers = [layer.name for layer in anatomy.layers if layer.stage == stage]
        cut = where_to_cut(network, anatomy, layers[-1:])
        assert cut is not None
        assert cut == where_to_cut(network, anatomy, layers)
        handed_over = first_half(network, cut, IMAGES)
        assert torch.equal(second_half(network, cut)(handed_over), network(IMAGES))
        assert falls_in_halves(network, cut, IMAGES)
        altered = sharing_copy(network)
        for name in layers:
            altered.get_submodule(name)._parameters["weight"] = nn.Parameter(torch.zeros(()), requires_grad=False)
        assert torch.equal(first_half(altered, cut, IMAGES), handed_over)
        cuts.add(cut)
    assert len(cuts) == len(anatomy.stages) - 1
    assert same_tensors(network, before)


def test_where_nothing_comes_before_there_is_no_cut() -> None:
    network, anatomy = network_and_anatomy("resnet18")
    assert where_to_cut(network, anatomy, []) is None
    assert where_to_cut(network, anatomy, ["conv1", "layer4.1.conv2"]) is None
    assert where_to_cut(network, anatomy, ["layer1.0.conv1"]) is None  # its stage begins with the first convolution
    assert where_to_cut(network, anatomy, ["layer4.1.conv2", "layer3.1.conv1"]) == "layer3.0"
    ensemble, parts = network_and_anatomy("mean-of-2:resnet18")
    assert where_to_cut(ensemble, parts, [parts.names[-1]]) is None


class Passing(nn.Module):
    """Hands its images past the first part, straight to the last."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 3, stride=2)
        self.head = nn.Linear(3, 4)

    def forward(self, images: Tensor) -> Tensor:
        between = self.first(images)
        logits: Tensor = self.head(self.second(between).mean((2, 3)) + images.mean((2, 3)))
        return logits


class Choosy(Passing):
    """Takes images of one size only."""

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[1:] != (3, 32, 32) or not images.min() < 0:
            raise RuntimeError("strange images")
        logits: Tensor = self.head(self.second(self.first(images).relu()).mean((2, 3)))
        return logits


class Pairing(Passing):
    """Its parts hand over pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.second = Second()

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.second((self.first(images), images)))
        return logits


class Second(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, stride=2)

    def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        features: Tensor = self.convolution(pair[0]).mean((2, 3))
        return features


@pytest.mark.parametrize("kind", [Passing, Choosy, Pairing])
@torch.no_grad()
def test_a_network_that_is_no_chain_of_parts_is_known_as_one(kind: type[nn.Module]) -> None:
    network = kind().eval()
    anatomy = examine(network, IMAGES)
    cut = where_to_cut(network, anatomy, anatomy.names[-1:])
    assert cut == "second"
    assert not falls_in_halves(network, cut, IMAGES)
    assert not any(module._forward_pre_hooks for module in network.modules())
