"""Grad-CAM against arithmetic by hand, and the drift between heatmaps."""

import gc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.errors import UnknownNameError
from orthoui.evaluation import gradcam
from orthoui.evaluation.gradcam import Heatmaps, grad_cam
from orthoui.evaluation.heatmaps import Comparison, compare, drift, mean_drift, ranked, sample
from orthoui.evaluation.predictions import PredictionMemo
from orthoui.evaluation.variants import original, planned
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.trained import TrainedModel
from tests.tiny import hook_count, inputs, same_tensors, state_of

SIDE = 6


class Small(nn.Module):
    """Convolution, in-place addition and rectifier, mean over space, linear: Grad-CAM of it is a line of algebra."""

    def __init__(self, head: Tensor | None = None) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(4, 3)
        self.conv.weight = nn.Parameter(torch.randn(4, 3, 3, 3, generator=generator))
        self.fc.weight = nn.Parameter(torch.randn(3, 4, generator=generator) if head is None else head)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        features = self.conv(images)
        features += 0.1
        logits: Tensor = self.fc(self.relu(features).mean((2, 3)))
        return logits


def pictures(count: int = 5) -> Tensor:
    return torch.randn(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(8))


def by_hand(network: Small, images: Tensor, target: int) -> np.ndarray:
    maps = network.conv(images)  # (N, 4, H, W)
    gradients = network.fc.weight[target].view(1, -1, 1, 1) / SIDE**2 * (maps + 0.1 > 0)
    weights = gradients.mean((2, 3), keepdim=True)
    summed = (weights * maps).sum(1).clamp(min=0)
    lowest, highest = summed.amin((1, 2), keepdim=True), summed.amax((1, 2), keepdim=True)
    return ((summed - lowest) / (highest - lowest)).numpy()


@pytest.mark.parametrize("target", [0, 2])
def test_grad_cam_is_the_published_formula(target: int) -> None:
    network, images = Small(), pictures()
    found = grad_cam(network, "conv", images, [target] * len(images))
    assert found.maps.shape == (5, SIDE, SIDE)
    np.testing.assert_allclose(found.maps, by_hand(network, images, target), atol=1e-3)
    np.testing.assert_allclose(found.logits, network(images).numpy(), atol=1e-6)


def test_every_image_has_its_own_target_and_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images, targets = Small(), pictures(), [0, 1, 2, 1, 0]
    whole = grad_cam(network, "conv", images, targets).maps
    monkeypatch.setattr(gradcam, "BATCH", 2)
    np.testing.assert_allclose(grad_cam(network, "conv", images, targets).maps, whole, atol=1e-5)
    np.testing.assert_allclose(whole[1], by_hand(network, images, 1)[1], atol=1e-3)


def test_what_speaks_against_a_class_leaves_an_empty_map() -> None:
    network = Small(head=-torch.ones(3, 4))
    positive = nn.Parameter(network.conv.weight.abs(), requires_grad=False)
    network.conv.weight = positive
    found = grad_cam(network, "conv", pictures().abs(), [0] * 5)
    assert not found.maps.any()


def test_the_network_stays_as_it_was_also_after_an_error() -> None:
    network, images = Small(), pictures()
    before = state_of(network)
    grad_cam(network, "conv", images, [1] * 5)
    with pytest.raises(IndexError):  # the library's own context manager would print and swallow it
        grad_cam(network, "conv", images, [7] * 5)
    assert same_tensors(network, before)
    assert hook_count(network) == 0
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in network.parameters())


def test_nothing_piles_up_in_a_loop() -> None:
    network, images = Small(), pictures()

    def alive() -> int:
        grad_cam(network, "conv", images, [1] * 5)
        gc.collect()
        return sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())

    first = alive()
    assert max(alive() for _ in range(4)) <= first


def test_a_full_device_gets_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = Small(), pictures()
    expected = grad_cam(network, "conv", images, [1] * 5)
    explain, sizes = gradcam._explained, []

    def cramped(private: nn.Module, layer: str, part: Tensor, targets: list[int]) -> object:
        sizes.append(len(part))
        if len(part) > 2:
            raise torch.OutOfMemoryError
        return explain(private, layer, part, targets)

    monkeypatch.setattr(gradcam, "_explained", cramped)
    found = grad_cam(network, "conv", images, [1] * 5)
    np.testing.assert_allclose(found.maps, expected.maps, atol=1e-5)
    assert sizes == [5, 5, 2, 2, 1]
    assert found.notices[-1] == "The device ran out of memory; images are now computed 2 at a time."


maps = arrays(np.float32, (3, 4, 4), elements=st.floats(0, 1, width=32))


@given(maps, maps)
def test_drift_lies_between_zero_and_one_and_is_symmetric(before: np.ndarray, after: np.ndarray) -> None:
    found, back = drift(before, after), drift(after, before)
    np.testing.assert_allclose(found, back)
    measured = found[~np.isnan(found)]
    assert ((measured >= 0) & (measured <= 1 + 1e-6)).all()
    np.testing.assert_allclose(drift(before, before)[~np.isnan(drift(before, before))], 0)


def test_drift_by_hand() -> None:
    corner, middle, spread, nothing = np.zeros((4, 1, 2, 2), np.float32)
    corner[0, 0, 0], middle[0, 1, 1] = 1, 0.5
    spread[:] = 0.25
    assert drift(corner, middle)[0] == 1  # nowhere the same, however strong
    assert drift(corner, spread)[0] == 0.75
    assert drift(corner, 0.3 * corner)[0] == pytest.approx(0)
    assert np.isnan(drift(corner, nothing)[0]) and np.isnan(drift(nothing, nothing)[0])


def made(values: list[float], vanished: list[bool]) -> Comparison:
    none = Heatmaps(np.zeros((len(values), 1, 1), np.float32), np.zeros((len(values), 2), np.float32))
    return Comparison((0,) * len(values), {"before": none}, np.array(values), np.array(vanished))


def test_ranking_puts_what_vanished_first_and_what_is_not_measured_last() -> None:
    compared = made([0.2, np.nan, 0.9, np.nan, 0.2], [False, False, False, True, False])
    assert ranked(compared, "most").tolist() == [3, 2, 0, 4, 1]
    assert ranked(compared, "least").tolist() == [0, 4, 2, 3, 1]
    assert ranked(compared, "stored").tolist() == [0, 1, 2, 3, 4]


def test_the_mean_counts_only_what_was_measured() -> None:
    mean = mean_drift(made([0.2, np.nan, 0.6, np.nan], [False, True, False, False]))
    assert (mean.value, mean.n, mean.vanished) == (pytest.approx(0.4), 2, 1)
    assert mean.margin == pytest.approx(1.95996 * 0.2 * 2**0.5 / 2**0.5, rel=1e-4)
    nothing = mean_drift(made([np.nan], [True]))
    assert (nothing.value, nothing.margin, nothing.n) == (None, None, 0)


def test_the_sample_has_the_first_images_of_every_class(data: Dataset) -> None:
    images = data["test"]
    assert images.labels[sample(images, (1, 3), 6)].tolist() == [1, 1, 1, 3, 3, 3]
    assert len(sample(images, (0, 1, 2), 1)) == 3


def plan_of(model: TrainedModel, data: Dataset, **changes: object) -> Plan:
    request = ForgetRequest.model_validate({"classes": (1,), "ratio": 0.5, "strength": 1.0, **changes})
    return make_plan(load_or_measure(model, data, request).profile, model.anatomy, request)


def test_comparing_reads_behind_the_batch_norm_and_remembers(model: TrainedModel, data: Dataset) -> None:
    images = data["test"].subset(sample(data["test"], (1,), 4))
    predictors = {"before": original(model), "after": planned(model, plan_of(model, data))}
    layer = model.anatomy.names[-1]
    first = compare(predictors, images, [1] * 4, layer)
    again = compare(predictors, images, [1] * 4, layer)
    assert again.seen["after"].maps is first.seen["after"].maps
    norm = model.anatomy[layer].norm
    assert norm is not None
    expected = grad_cam(model.network, norm, inputs(images), [1] * 4)
    np.testing.assert_array_equal(first.seen["before"].maps, expected.maps)
    unchanged = compare({"before": original(model), "after": original(model)}, images, [1] * 4, layer)
    np.testing.assert_allclose(unchanged.drift[~np.isnan(unchanged.drift)], 0, atol=1e-12)


def test_a_persons_own_image_is_not_remembered(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = PredictionMemo(1)
    monkeypatch.setattr("orthoui.evaluation.heatmaps.memo", lambda: shared)
    predictors = {"before": original(model), "after": original(model)}
    compare(predictors, data["test"].subset(torch.arange(2)), [0, 1], "conv1", remember=False)
    assert not shared._entries
    compare(predictors, data["test"].subset(torch.arange(2)), [0, 1], "conv1")
    assert shared._entries


def test_unknown_layers_and_classes_are_named(model: TrainedModel, data: Dataset) -> None:
    images = data["test"].subset(torch.arange(1))
    predictors = {"before": original(model), "after": original(model)}
    with pytest.raises(UnknownNameError, match="no layer “nowhere”"):
        compare(predictors, images, [0], "nowhere")
    with pytest.raises(UnknownNameError, match="no class “4”"):
        compare(predictors, images, [4], "conv1")
