"""Architectures at several widths and sizes, and their anatomy found by running them."""

import pytest
import torch
from torch import nn

from orthoui.errors import UnknownNameError
from orthoui.models.anatomy import examine
from orthoui.models.architectures import ARCHITECTURES, TITLES
from tests.tiny import hook_count

CONVOLUTIONS = {"resnet18": 20, "resnet50": 53, "vgg16": 13, "vgg16_bn": 13}


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("width", [4, 6, 16])
@pytest.mark.parametrize("name", list(CONVOLUTIONS))
def test_every_architecture_runs_at_every_width_and_size(name: str, width: int, size: int) -> None:
    network = ARCHITECTURES[name](classes=7, width=width).eval()
    images = torch.randn(1, 3, size, size)
    with torch.no_grad():
        assert network(images).shape == (1, 7)
    anatomy = examine(network, images)
    assert len(anatomy.layers) == CONVOLUTIONS[name]
    assert anatomy.layers[0].channels == width
    assert anatomy.layers[0].size == size
    assert all((layer.norm is None) == (name == "vgg16") for layer in anatomy.layers)
    assert anatomy.head in ("fc", "classifier")
    assert len(anatomy.stages) == (4 if name.startswith("resnet") else 5)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("resnet18", 11_173_962), ("resnet50", 23_520_842), ("vgg16", 14_719_818), ("vgg16_bn", 14_728_266)],
)
def test_the_papers_width_has_the_known_number_of_parameters(name: str, parameters: int) -> None:
    with torch.device("meta"):
        network = ARCHITECTURES[name](classes=10, width=64)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_the_stem_suits_small_images() -> None:
    network = ARCHITECTURES["resnet18"](classes=10, width=8)
    stem = network.get_submodule("conv1")
    assert isinstance(stem, nn.Conv2d)
    assert (stem.in_channels, stem.kernel_size, stem.stride) == (3, (3, 3), (1, 1))
    assert isinstance(network.get_submodule("maxpool"), nn.Identity)


def test_stages_of_a_resnet_are_its_four_groups_of_blocks() -> None:
    network = ARCHITECTURES["resnet18"](classes=10, width=4).eval()
    anatomy = examine(network, torch.randn(1, 3, 32, 32))
    for layer in anatomy.layers:
        assert layer.stage == (int(layer.name[5]) if layer.name.startswith("layer") else 1)
    assert anatomy["layer2.0.downsample.0"].norm == "layer2.0.downsample.1"
    assert anatomy.channels == sum(layer.channels for layer in anatomy.layers)


def test_an_unknown_layer_names_the_layers_there_are() -> None:
    network = ARCHITECTURES["vgg16"](classes=10, width=4).eval()
    anatomy = examine(network, torch.randn(1, 3, 32, 32))
    with pytest.raises(
        UnknownNameError, match=r"There is no layer “conv1”\. Choose one of: features\.0, features\.2"
    ):
        anatomy["conv1"]


def test_every_architecture_has_a_title_and_an_unknown_one_is_explained() -> None:
    assert set(TITLES) == set(ARCHITECTURES) == set(CONVOLUTIONS)
    with pytest.raises(
        UnknownNameError, match=r"There is no architecture “vgg99”\. Choose one of: resnet18, resnet50"
    ):
        ARCHITECTURES["vgg99"]


def test_examining_leaves_mode_hooks_and_statistics_alone() -> None:
    network = ARCHITECTURES["resnet18"](classes=10, width=4).train()
    statistics = [buffer.clone() for buffer in network.buffers()]
    examine(network, torch.randn(2, 3, 32, 32))
    assert network.training and all(module.training for module in network.modules())
    assert hook_count(network) == 0
    assert all(torch.equal(*pair) for pair in zip(statistics, network.buffers(), strict=True))
