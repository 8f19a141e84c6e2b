"""The core works on networks it has never heard of, without a layer being named."""

import copy

import pytest
import torch
from torch import nn
from torchvision import models

from orthoui.forgetting.activations import activation_profile
from orthoui.forgetting.application import pruned_network, pruned_tensors
from orthoui.forgetting.request import ForgetRequest, Target
from orthoui.forgetting.selection import make_plan
from orthoui.models.anatomy import examine
from orthoui.models.fast import fast_copy, folding_is_exact
from tests.tiny import hook_count, make_uneven, same_tensors, state_of

FOREIGN = {"mobilenet_v3_small": 52, "densenet121": 120, "squeezenet1_1": 26, "shufflenet_v2_x0_5": 56}
WITHOUT_NORM = {"mobilenet_v3_small": 18, "densenet121": 61, "squeezenet1_1": 26, "shufflenet_v2_x0_5": 0}
SIZE = 64


def foreign(name: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network: nn.Module = getattr(models, name)(weights=None, num_classes=5)
    make_uneven(network)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module", params=list(FOREIGN))
def network(request: pytest.FixtureRequest) -> nn.Module:
    return foreign(request.param)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(6, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", list(FOREIGN))
def test_every_convolution_is_found_with_the_norm_that_reads_it(name: str, images: torch.Tensor) -> None:
    network = foreign(name)
    anatomy = examine(network, images[:2])
    convolutions = {key for key, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    assert set(anatomy.names) == convolutions
    assert len(convolutions) == FOREIGN[name]
    assert sum(layer.norm is None for layer in anatomy.layers) == WITHOUT_NORM[name]
    assert (anatomy.head is None) == (name == "squeezenet1_1")


@pytest.mark.parametrize("target", ["conv", "bn", "conv_sync"])
def test_profile_plan_and_overlay_work_and_touch_nothing_else(
    network: nn.Module, images: torch.Tensor, target: Target
) -> None:
    before = state_of(network)
    labels = torch.arange(6) % 3
    anatomy = examine(network, images[:2])
    profile = activation_profile(network, anatomy, iter([(images, labels)]), 3)
    plan = make_plan(profile, anatomy, ForgetRequest(classes=(1,), ratio=0.3, strength=0.9, target=target))
    pruned = pruned_network(network, anatomy, plan)
    changed = pruned_tensors(network, anatomy, plan)
    after = pruned.state_dict()
    assert {name for name in before if not torch.equal(before[name], after[name])} == set(changed)
    assert plan.touched_layers == len(anatomy.layers)
    with torch.no_grad():
        assert not torch.allclose(pruned(images), network(images), rtol=1e-3)
    assert same_tensors(network, before)
    assert hook_count(network) == hook_count(pruned) == 0


def test_the_overlay_equals_scaling_a_deep_copy_in_place(network: nn.Module, images: torch.Tensor) -> None:
    anatomy = examine(network, images[:2])
    profile = activation_profile(network, anatomy, iter([(images, torch.arange(6) % 2)]), 2)
    plan = make_plan(profile, anatomy, ForgetRequest(classes=(0,), ratio=0.2, strength=0.6))
    plain = copy.deepcopy(network)
    for name, part in plan.layers.items():
        convolution = plain.get_submodule(name)
        assert isinstance(convolution, nn.Conv2d)
        for channel, keep in zip(part.channels.tolist(), part.keep.tolist(), strict=True):
            convolution.weight[channel] *= keep
            if convolution.bias is not None:
                convolution.bias[channel] *= keep
    with torch.no_grad():
        torch.testing.assert_close(
            pruned_network(network, anatomy, plan)(images), plain(images), rtol=1e-4, atol=1e-4
        )


def test_the_fast_form_agrees_with_float32(network: nn.Module, images: torch.Tensor) -> None:
    anatomy = examine(network, images[:2])
    assert folding_is_exact(network, anatomy, images[:2])
    with torch.no_grad():
        expected = network(images)
        torch.testing.assert_close(fast_copy(network, anatomy, torch.float32)(images), expected, rtol=1e-3, atol=1e-3)
        low = fast_copy(network, anatomy, torch.bfloat16)(images.bfloat16()).float()
    assert (low - expected).norm() < 0.1 * expected.norm()
