"""Scores and profiles against references that go image by image."""

import numpy as np
import pytest
import torch
from torch import nn

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.forgetting.activations import activation_profile, read_point
from orthoui.forgetting.profiles import measure
from orthoui.forgetting.request import ForgetRequest, ReadAt
from orthoui.forgetting.scores import SCORES, SPREAD_FLOOR
from orthoui.forgetting.selection import make_plan
from orthoui.models.anatomy import examine, hooked
from orthoui.models.trained import TrainedModel
from tests.tiny import hook_count, inputs, tiny_images

MEANS = np.random.default_rng(3).normal(size=(5, 12))


def expected_score(name: str, forget: list[int], retain: list[int], channel: int) -> float:
    wanted = sum(MEANS[c, channel] for c in forget) / len(forget)
    others = [MEANS[c, channel] for c in retain]
    mean = sum(others) / len(others)
    if name == "margin":
        return wanted - max(others)
    if name == "standardised":
        spread = (sum((other - mean) ** 2 for other in others) / len(others)) ** 0.5
        return (wanted - mean) / (spread + SPREAD_FLOOR)
    return wanted - mean


@pytest.mark.parametrize("forget", [[2], [0, 4], [1, 2, 3]])
@pytest.mark.parametrize("name", ["difference", "margin", "standardised"])
def test_scores_match_a_reference_channel_by_channel(name: str, forget: list[int]) -> None:
    retain = [c for c in range(5) if c not in forget]
    found = SCORES[name](MEANS, forget, retain, np.random.default_rng(0))
    expected = [expected_score(name, forget, retain, channel) for channel in range(12)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_random_scores_look_at_nothing_but_the_seed() -> None:
    def score(means: np.ndarray, seed: int) -> list[float]:
        return SCORES["random"](means, [0], [1], np.random.default_rng(seed)).tolist()

    assert score(MEANS, 1) == score(-2 * MEANS, 1)
    assert score(MEANS, 1) != score(MEANS, 2)


@pytest.mark.parametrize("read_at", ["conv", "bn", "relu"])
def test_profile_matches_a_reference_image_by_image(model: TrainedModel, read_at: ReadAt) -> None:
    images = tiny_images(3, 9)
    found = measure(model, images, 3, read_at)
    assert hook_count(model.network) == 0
    for name in ("conv1", "layer2.0.conv2", "layer4.0.downsample.0"):
        layer = model.anatomy[name]
        peaks: list[np.ndarray] = []

        def read(module: nn.Module, args: object, output: torch.Tensor, into: list[np.ndarray] = peaks) -> None:
            maps = output[0].numpy()
            into.append(np.array([channel.max() for channel in maps]))

        with torch.no_grad(), hooked(model.network, {read_point(layer, read_at): read}):
            for image in inputs(images):
                model.network(image[None])
        if read_at == "relu":
            peaks = [np.maximum(peak, 0) for peak in peaks]
        for label in range(4):
            mine = [peak for peak, of in zip(peaks, images.labels.tolist(), strict=True) if of == label]
            np.testing.assert_allclose(found.means[name][label], np.mean(mine, axis=0), rtol=1e-4, atol=1e-5)


def test_profile_does_not_depend_on_how_images_are_batched(model: TrainedModel) -> None:
    images = tiny_images(6, 9)
    whole, labels = inputs(images), images.labels
    parts = [(whole[start : start + 7], labels[start : start + 7]) for start in range(0, len(labels), 7)]
    one = activation_profile(model.network, model.anatomy, iter([(whole, labels)]), 4)
    many = activation_profile(model.network, model.anatomy, iter(parts), 4)
    for name in model.anatomy.names:
        np.testing.assert_allclose(one.means[name], many.means[name], rtol=1e-4, atol=1e-5)


def test_a_layer_that_runs_twice_counts_with_its_higher_peak() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared = nn.Conv2d(3, 3, 1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.shared(-self.shared(images)).mean((2, 3))

    network, images = Twice(), torch.rand(4, 3, 5, 5)
    found = activation_profile(network, examine(network, images), iter([(images, torch.zeros(4).long())]), 1)
    with torch.no_grad():
        first = network.shared(images)
        peak = torch.maximum(first.amax((2, 3)), network.shared(-first).amax((2, 3))).mean(0)
    np.testing.assert_allclose(found.means["shared"][0], peak.numpy(), rtol=1e-5)


def test_scores_of_a_plan_are_class_balanced_over_unequal_retained_classes(model: TrainedModel) -> None:
    images = tiny_images(6, 9)
    uneven = images.subset(torch.cat([images.of_class(0)[:1], *(images.of_class(c) for c in (1, 2, 3))]))
    profile = measure(model, uneven, 6)
    scores = make_plan(profile, model.anatomy, ForgetRequest(classes=(1, 2))).layers["conv1"].scores
    means = profile.means["conv1"].astype(np.float64)
    np.testing.assert_allclose(scores, (means[1] + means[2]) / 2 - (means[0] + means[3]) / 2, rtol=1e-12)


def test_images_of_another_number_of_classes_are_refused(model: TrainedModel, data: Dataset) -> None:
    fewer = data["train"].subset(torch.nonzero(data["train"].labels < 3).flatten())
    with pytest.raises(RequestError, match=r"knows 4 classes, the images have 3\. Choose the data set .* tiny"):
        measure(model, fewer, 2)
