"""What single channels see and do, against plain hooks and direct arithmetic."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.errors import RequestError, UnknownNameError
from orthoui.evaluation import channels as module
from orthoui.evaluation import excitement
from orthoui.evaluation.channels import (
    ChannelEffect,
    activation_maps,
    channel_effect,
    channel_in_bar,
    describe_channel,
    differences,
    filter_image,
    response_ratio,
    with_edit,
)
from orthoui.evaluation.excitement import layer_peaks, strongest_images
from orthoui.forgetting.activations import ActivationProfile
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.trained import TrainedModel
from tests.tiny import hook_count, inputs, same_tensors, state_of

REQUEST = ForgetRequest(classes=(1,), ratio=0.5, strength=0.5, attenuation="uniform", target="bn")


@pytest.fixture
def profile(model: TrainedModel, data: Dataset) -> ActivationProfile:
    return load_or_measure(model, data, REQUEST).profile


@pytest.fixture
def plan(model: TrainedModel, profile: ActivationProfile) -> Plan:
    return make_plan(profile, model.anatomy, REQUEST)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    excitement.peaks_memo.cache_clear()


def hooked_output(network: nn.Module, module: str, images: Tensor) -> Tensor:
    """What a plain hook on a private copy sees."""
    seen: dict[str, Tensor] = {}
    private = copy.deepcopy(network).eval()

    def keep(_: Any, __: Any, output: Tensor) -> None:
        seen["output"] = output.detach().clone()

    private.get_submodule(module).register_forward_hook(keep)
    private(images)
    return seen["output"]


@pytest.mark.parametrize(("read_at", "module"), [("conv", "layer2.0.conv1"), ("bn", "layer2.0.bn1")])
def test_maps_are_what_a_hook_sees(model: TrainedModel, data: Dataset, read_at: Any, module: str) -> None:
    expected = hooked_output(model.network, module, inputs(data["test"])[:1])[0]
    maps = activation_maps(model, None, data["test"].images[0], "layer2.0.conv1", read_at)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected.numpy(), atol=1e-5)


def test_maps_behind_the_rectifier_are_the_positive_part(model: TrainedModel, data: Dataset) -> None:
    image = data["test"].images[3]
    behind = activation_maps(model, None, image, "conv1", "relu")
    np.testing.assert_array_equal(behind, activation_maps(model, None, image, "conv1").clip(min=0))
    assert behind.max() > 0


def test_pruned_channels_of_the_first_layer_are_scaled_by_what_they_keep(
    model: TrainedModel, data: Dataset, plan: Plan
) -> None:
    image = data["test"].images[5]
    before, after = (activation_maps(model, one, image, "conv1") for one in (None, plan))
    kept = np.array([plan.keep_of("conv1", channel) for channel in range(len(before))])
    assert (kept < 1).any() and (kept == 1).any()
    np.testing.assert_allclose(after, kept[:, None, None] * before, atol=1e-5)


def test_looking_leaves_no_trace(model: TrainedModel, data: Dataset, plan: Plan) -> None:
    before = state_of(model.network)
    activation_maps(model, plan, data["test"].images[0], "layer4.1.conv2")
    layer_peaks(model, data["calibration"], "layer4.1.conv2")
    filter_image(model, "layer4.1.conv2", 0)
    assert hook_count(model.network) == 0
    assert same_tensors(model.network, before)


def test_what_is_not_there_is_named(model: TrainedModel, data: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="nowhere"):
        activation_maps(model, None, data["test"].images[0], "nowhere")
    with pytest.raises(RequestError, match="channels are 0 to 3"):
        filter_image(model, "conv1", 4)
    with pytest.raises(RequestError, match="has no channel -1"):
        strongest_images(model, data["calibration"], "conv1", -1)


def test_the_strongest_images_have_the_highest_peaks(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excitement, "fast_dtype", lambda device: torch.float32)
    monkeypatch.setattr(excitement, "CHUNK", 33)
    images = data["calibration"]
    peaks = hooked_output(model.network, "layer1.0.bn2", inputs(images)).amax(dim=(2, 3))[:, 2]
    positions, values = strongest_images(model, images, "layer1.0.conv2", 2, 5)
    np.testing.assert_allclose(values, peaks.sort(descending=True).values[:5].numpy(), atol=1e-4)
    np.testing.assert_allclose(values, peaks[torch.from_numpy(positions)].numpy(), atol=1e-4)


def test_peaks_are_computed_once_per_layer(model: TrainedModel, data: Dataset) -> None:
    first = layer_peaks(model, data["calibration"], "conv1")
    assert layer_peaks(model, data["calibration"], "conv1") is first
    assert layer_peaks(model, data["test"], "conv1").shape == (len(data["test"]), 4)
    assert not first.flags.writeable


def test_a_filter_shows_its_strongest_inputs(model: TrainedModel) -> None:
    weights: Tensor = model.network.get_submodule("layer4.0.conv1").weight[5]  # type: ignore[index]
    everything = filter_image(model, "layer4.0.conv1", 5)
    assert everything.inputs == tuple(range(16)) and everything.total == 16
    some = filter_image(model, "layer4.0.conv1", 5, most=3)
    norms = weights.square().sum(dim=(1, 2))
    assert list(some.inputs) == norms.argsort(descending=True)[:3].tolist()
    np.testing.assert_array_equal(some.weights, weights[list(some.inputs)].numpy())


def test_an_edit_replaces_and_is_taken_away() -> None:
    once = with_edit(REQUEST, "conv1", 2, 0.0)
    twice = with_edit(with_edit(once, "conv1", 1, 1.0), "conv1", 2, 0.3)
    assert {(edit.channel, edit.keep) for edit in twice.edits} == {(1, 1.0), (2, 0.3)}
    assert with_edit(once, "conv1", 2, None) == REQUEST
    with pytest.raises(RequestError):
        with_edit(REQUEST, "conv1", 0, 1.5)


def test_the_facts_of_a_channel(model: TrainedModel, profile: ActivationProfile, plan: Plan) -> None:
    part = plan.layers["layer1.0.conv1"]
    top = int(part.channels[0])
    facts = describe_channel(model, profile, REQUEST, "layer1.0.conv1", top)
    assert (facts.rank, facts.keep, facts.planned_keep, facts.by_hand) == (1, 0.5, 0.5, False)
    assert facts.score == part.scores[top]
    spared = describe_channel(model, profile, with_edit(REQUEST, "layer1.0.conv1", top, 1.0), "layer1.0.conv1", top)
    assert (spared.rank, spared.keep, spared.planned_keep, spared.by_hand) == (1, 1.0, 0.5, True)
    elsewhere = REQUEST.model_copy(update={"scope": "stage:3"})
    outside = describe_channel(model, profile, elsewhere, "layer1.0.conv1", top)
    assert (outside.score, outside.rank, outside.keep) == (facts.score, 1, 1.0)


def test_differences_and_ratio() -> None:
    profile = ActivationProfile({"a": np.array([[4.0, -1.0], [1.0, -2.0], [3.0, 0.0]], np.float32)}, 3)
    np.testing.assert_allclose(differences(profile, (0,), "a"), [2.0, 0.0])
    assert response_ratio(profile, (0,), "a", [0]) == 2.0
    assert response_ratio(profile, (0,), "a", [1]) is None


def test_a_bar_stands_for_its_highest_channel(plan: Plan) -> None:
    scores = plan.layers["conv1"].scores
    top = int(scores.argmax())
    assert channel_in_bar(plan, scores.min(), scores.max(), "conv1") == ("conv1", top)
    best = max(plan.layers, key=lambda name: plan.layers[name].scores.max())
    assert channel_in_bar(plan, -1e9, 1e9) == (best, int(plan.layers[best].scores.argmax()))
    assert channel_in_bar(plan, 1e8, 1e9) is None


@pytest.mark.usefixtures("float32")
def test_the_effect_is_the_change_of_accuracy(model: TrainedModel, data: Dataset, profile: ActivationProfile) -> None:
    request = REQUEST.model_copy(update={"scope": "stage:1", "ratio": 0.25, "strength": 0.6})
    channel = int(make_plan(profile, model.anatomy, request).layers["conv1"].channels[0])
    images = data["calibration"]

    def percent(keep: float | None) -> NDArray[np.float64]:
        plan = make_plan(profile, model.anatomy, with_edit(request, "conv1", channel, keep))
        right = pruned_network(model.network, model.anatomy, plan)(inputs(images)).argmax(1) == images.labels
        return np.array([100 * float(right[images.labels == label].double().mean()) for label in range(4)])

    against_plan = channel_effect(model, data, request, "conv1", channel, 0.0)
    assert any(against_plan.changes)
    np.testing.assert_allclose(changes_of(against_plan), percent(0.0) - percent(None), atol=1e-9)
    against_spared = channel_effect(model, data, request, "conv1", channel, 0.0, 1.0)
    assert against_spared.changes != against_plan.changes
    np.testing.assert_allclose(changes_of(against_spared), percent(0.0) - percent(1.0), atol=1e-9)
    assert against_plan.baseline == pytest.approx(0.4)
    assert (against_spared.baseline, against_spared.counts) == (1.0, (20, 20, 20, 20))


def changes_of(effect: ChannelEffect) -> NDArray[np.float64]:
    return np.array(effect.changes, dtype=np.float64)


@pytest.mark.parametrize(("lost", "gained", "beyond"), [(0, 0, False), (5, 0, False), (9, 0, True), (12, 9, False)])
def test_a_class_changes_beyond_chance_when_its_images_flip_one_way(lost: int, gained: int, beyond: bool) -> None:
    labels = np.repeat([0, 1], 50)
    before, now = np.ones(100, bool), np.ones(100, bool)
    now[:lost] = False
    before[lost : lost + gained] = False
    assert module._beyond_chance(now, before, labels, 2) == (beyond, False)
