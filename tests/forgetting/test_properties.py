"""The properties that any implementation of the method must have, on networks with uneven batch norms."""

import copy
from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.forgetting.activations import ActivationProfile, activation_profile
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.profiles import measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import channel_count, make_plan
from orthoui.models.anatomy import examine, hooked
from orthoui.models.trained import TrainedModel
from tests.tiny import inputs, make_uneven, same_tensors, state_of

MIDDLE = "layer2.0.conv1"
ratios = st.floats(0, 0.5)
strengths = st.floats(0, 1)
targets = st.sampled_from(["conv", "bn", "conv_sync"])


def plan_of(model: TrainedModel, data: Dataset, **fields: object) -> Plan:
    request = ForgetRequest.model_validate({"classes": (1,), **fields})
    return make_plan(profile_of(model, data), model.anatomy, request)


@lru_cache(maxsize=1)
def profile_of(model: TrainedModel, data: Dataset) -> ActivationProfile:
    return measure(model, data["train"], 5)


def outputs_of(network: nn.Module, layer: str, images: Tensor, *, train: bool = False) -> Tensor:
    """Output of one module; in train mode a private copy is used because its statistics move."""
    network = copy.deepcopy(network).train() if train else network
    seen: list[Tensor] = []
    with torch.no_grad(), hooked(network, {layer: lambda module, args, output: seen.append(output.clone())}):
        network(images)
    return seen[0]


@given(targets, strengths, st.sampled_from(["floor", "scaled", "uniform"]))
@examples(max_examples=15)
def test_ratio_0_leaves_every_tensor_bit_identical(
    model: TrainedModel, data: Dataset, target: str, strength: float, attenuation: str
) -> None:
    plan = plan_of(model, data, ratio=0, strength=strength, target=target, attenuation=attenuation)
    pruned = pruned_network(model.network, model.anatomy, plan)
    assert plan.touched_channels == 0
    assert same_tensors(pruned, state_of(model.network))


@given(targets, ratios)
@examples(max_examples=15)
def test_scaled_with_strength_0_leaves_every_tensor_bit_identical(
    model: TrainedModel, data: Dataset, target: str, ratio: float
) -> None:
    plan = plan_of(model, data, ratio=ratio, strength=0, target=target, attenuation="scaled")
    assert same_tensors(pruned_network(model.network, model.anatomy, plan), state_of(model.network))


@given(st.floats(0.01, 0.5), st.floats(0.05, 1), st.sampled_from(["scaled", "uniform"]))
@examples(max_examples=20)
def test_exactly_n_filters_per_layer_differ_and_everything_else_is_bit_identical(
    model: TrainedModel, data: Dataset, ratio: float, strength: float, attenuation: str
) -> None:
    plan = plan_of(model, data, ratio=ratio, strength=strength, attenuation=attenuation)
    before, after = model.network.state_dict(), pruned_network(model.network, model.anatomy, plan).state_dict()
    filters = {f"{layer.name}.weight": layer for layer in model.anatomy.layers}
    assert set(filters) <= set(before)
    for name, original in before.items():
        if name in filters:
            layer = filters[name]
            differing = (after[name] != original).flatten(1).any(1)
            chosen = set(plan.layers[layer.name].channels.tolist())
            assert set(torch.nonzero(differing).flatten().tolist()) == chosen
            assert len(chosen) == max(1, int(np.floor(ratio * layer.channels + 1e-9)))
        else:
            assert torch.equal(after[name], original), name


@given(st.floats(0.01, 0.5), strengths, st.sampled_from(["floor", "scaled", "uniform"]))
@examples(max_examples=20)
def test_every_scaled_filter_is_collinear_with_its_original_and_keeps_1_minus_alpha_of_its_norm(
    model: TrainedModel, data: Dataset, ratio: float, strength: float, attenuation: str
) -> None:
    plan = plan_of(model, data, ratio=ratio, strength=strength, attenuation=attenuation)
    pruned = pruned_network(model.network, model.anatomy, plan).state_dict()
    for name, layer in plan.layers.items():
        original = model.network.state_dict()[f"{name}.weight"][layer.channels].flatten(1).double()
        scaled = pruned[f"{name}.weight"][layer.channels].flatten(1).double()
        keep = torch.from_numpy(layer.keep)
        assert (layer.keep == 1 - np.array(expected_alpha(attenuation, len(keep), strength))).all()
        norms = original.norm(dim=1)
        torch.testing.assert_close(scaled.norm(dim=1) / norms, keep, rtol=1e-6, atol=1e-12)
        along = (scaled * original).sum(1) / norms
        torch.testing.assert_close(along, scaled.norm(dim=1), rtol=1e-6, atol=1e-12)


def expected_alpha(attenuation: str, count: int, strength: float) -> list[float]:
    """The attenuation rules, written out rank by rank."""
    rule = {
        "floor": lambda rank: max(strength, 1 - rank / count),
        "scaled": lambda rank: strength * max(0.5, 1 - (rank - 1) / count),
        "uniform": lambda rank: strength,
    }[attenuation]
    return [rule(rank) for rank in range(1, count + 1)]


def test_swapping_forgotten_and_retained_classes_negates_every_score(model: TrainedModel, data: Dataset) -> None:
    one = plan_of(model, data, classes=(1, 3), ratio=0.2)
    other = plan_of(model, data, classes=(0, 2), ratio=0.2)
    for name in model.anatomy.names:
        assert np.array_equal(one.layers[name].scores, -other.layers[name].scores)
        assert one.layers[name].scores.any()


@pytest.mark.parametrize("train", [False, True], ids=["evaluation mode", "train mode"])
@pytest.mark.parametrize("layer", ["conv1", MIDDLE, "layer3.0.downsample.0", "layer4.1.conv2"])
def test_target_bn_scales_the_output_of_a_chosen_channel_exactly_in_both_modes(
    model: TrainedModel, data: Dataset, layer: str, train: bool
) -> None:
    check_exact_scaling(model, data, "bn", layer, train=train)


@pytest.mark.parametrize("layer", ["conv1", MIDDLE, "layer3.0.downsample.0", "layer4.1.conv2"])
def test_target_conv_sync_scales_the_output_of_a_chosen_channel_exactly_in_evaluation_mode(
    model: TrainedModel, data: Dataset, layer: str
) -> None:
    check_exact_scaling(model, data, "conv_sync", layer, train=False)


def check_exact_scaling(model: TrainedModel, data: Dataset, target: str, layer: str, *, train: bool) -> None:
    plan = plan_of(model, data, target=target, scope=f"layers:{layer}", ratio=0.5, strength=0.7)
    pruned = pruned_network(model.network, model.anatomy, plan)
    norm = model.anatomy[layer].norm
    assert norm is not None
    images = inputs(data["test"])[:16]
    before = outputs_of(model.network, norm, images, train=train)
    after = outputs_of(pruned, norm, images, train=train)
    part = plan.layers[layer]
    expected = before.clone()
    expected[:, part.channels] *= torch.from_numpy(part.keep).float().view(1, -1, 1, 1)
    assert (part.keep < 1).any()
    torch.testing.assert_close(after, expected, rtol=1e-4, atol=1e-5)


def test_target_conv_pulls_a_channel_towards_a_constant_in_evaluation_mode(
    model: TrainedModel, data: Dataset
) -> None:
    plan = plan_of(model, data, scope=f"layers:{MIDDLE}", ratio=0.5, strength=1, attenuation="uniform")
    pruned = pruned_network(model.network, model.anatomy, plan)
    norm_name = model.anatomy[MIDDLE].norm
    assert norm_name is not None
    norm = model.network.get_submodule(norm_name)
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    constant = norm.bias - norm.weight * norm.running_mean / (norm.running_var + norm.eps).sqrt()
    after = outputs_of(pruned, norm_name, inputs(data["test"])[:8])
    channels = plan.layers[MIDDLE].channels
    expected = constant[channels].view(1, -1, 1, 1).expand_as(after[:, channels])
    torch.testing.assert_close(after[:, channels], expected, rtol=1e-5, atol=1e-6)
    assert (constant[channels].abs() > 0.01).all()  # and that is not zero


def test_batch_norm_in_train_mode_cancels_target_conv_but_not_target_bn(model: TrainedModel, data: Dataset) -> None:
    images = inputs(data["test"])[:32]
    before = outputs_of(model.network, "fc", images, train=True)

    def change(target: str, *, train: bool) -> float:
        plan = plan_of(model, data, target=target, ratio=0.5, strength=0.6, attenuation="uniform")
        pruned = pruned_network(model.network, model.anatomy, plan)
        unpruned = before if train else outputs_of(model.network, "fc", images)
        return float((outputs_of(pruned, "fc", images, train=train) - unpruned).norm() / unpruned.norm())

    assert change("conv", train=True) < 1e-3
    assert change("conv", train=False) > 0.05
    assert change("bn", train=True) > 0.05


def test_a_channel_that_fires_only_on_the_class_is_ranked_first() -> None:
    """Channel 3 answers to the first colour, which only class 2 shows; all others answer to the second."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network.append(nn.Linear(8, 4))
    generator = torch.Generator().manual_seed(0)
    convolution = network[0]
    assert isinstance(convolution, nn.Conv2d)
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.weight[:, 1] = torch.rand(8, 3, 3, generator=generator)
        convolution.weight[3] = 0
        convolution.weight[3, 0, 1, 1] = 1
    images = torch.rand(40, 3, 8, 8, generator=generator)
    labels = torch.arange(40) % 4
    images[:, 0] = (labels == 2).float().view(-1, 1, 1)
    anatomy = examine(network, images[:2])
    profile = activation_profile(network, anatomy, iter([(images, labels)]), 4)
    plan = make_plan(profile, anatomy, ForgetRequest(classes=(2,), ratio=0.5))
    assert plan.layers["0"].channels[0] == 3
    assert len(plan.layers["0"].channels) == 4
    for other in (0, 1, 3):
        scores = make_plan(profile, anatomy, ForgetRequest(classes=(other,))).layers["0"].scores
        assert scores.argmin() == 3


def test_without_batch_norm_every_target_scales_filter_and_bias() -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2))
    images = torch.rand(8, 3, 6, 6)
    anatomy = examine(network, images)
    profile = activation_profile(network, anatomy, iter([(images, torch.arange(8) % 2)]), 2)
    before = outputs_of(network, "0", images)
    for target in ("conv", "bn", "conv_sync"):
        request = ForgetRequest.model_validate({"classes": (0,), "ratio": 0.5, "strength": 0.8, "target": target})
        plan = make_plan(profile, anatomy, request)
        after = outputs_of(pruned_network(network, anatomy, plan), "0", images)
        expected = before.clone()
        expected[:, plan.layers["0"].channels] *= torch.from_numpy(plan.layers["0"].keep).float().view(1, -1, 1, 1)
        torch.testing.assert_close(after, expected, rtol=1e-5, atol=1e-6)


def test_target_conv_scales_the_bias_of_a_convolution_with_batch_norm_too() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    make_uneven(network)
    images = torch.rand(8, 3, 6, 6)
    anatomy = examine(network, images)
    profile = activation_profile(network, anatomy, iter([(images, torch.arange(8) % 2)]), 2)
    for target in ("conv", "conv_sync"):
        request = ForgetRequest.model_validate({"classes": (0,), "ratio": 0.5, "strength": 0.5, "target": target})
        plan = make_plan(profile, anatomy, request)
        pruned = pruned_network(network, anatomy, plan)
        part, before, after = plan.layers["0"], network.state_dict(), pruned.state_dict()
        scaled = before["0.bias"][part.channels] * torch.from_numpy(part.keep).float()
        torch.testing.assert_close(after["0.bias"][part.channels], scaled)
        if target == "conv_sync":
            check = before["1.running_mean"][part.channels] * torch.from_numpy(part.keep).float()
            torch.testing.assert_close(after["1.running_mean"][part.channels], check)
            assert torch.equal(after["1.running_var"], before["1.running_var"])
            assert torch.equal(after["1.weight"], before["1.weight"])


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(0.01, (1, 1, 2, 5)), (0.02, (1, 2, 5, 10)), (0.05, (3, 6, 12, 25))],
)
def test_rounding_of_the_number_of_channels(ratio: float, expected: tuple[int, ...]) -> None:
    assert tuple(channel_count(ratio, channels) for channels in (64, 128, 256, 512)) == expected


def test_rounding_does_not_lose_a_channel_to_floating_point() -> None:
    assert [channel_count(0.29, 100), channel_count(0.07, 100), channel_count(0, 512)] == [29, 7, 0]
    assert all(channel_count(count / 100, 100) == count for count in range(1, 51))
