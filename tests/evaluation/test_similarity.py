"""Linear CKA against its properties and an independent formula."""

from copy import deepcopy

import pytest
import torch

from orthoui.data import Dataset
from orthoui.evaluation.similarity import compared_images, compared_layers, layer_similarity, linear_cka
from orthoui.models.trained import TrainedModel
from tests.tiny import tiny_images, tiny_model


def features(columns: int, seed: int) -> torch.Tensor:
    return torch.randn(40, columns, generator=torch.Generator().manual_seed(seed))


def test_a_representation_is_entirely_similar_to_itself_scaled_and_rotated() -> None:
    one = features(12, 0)
    rotation = torch.linalg.qr(features(12, 1)[:12])[0]
    assert linear_cka(one, one) == pytest.approx(1)
    assert linear_cka(one, 3 * one @ rotation + 5) == pytest.approx(1)


def test_it_sees_single_channels_that_are_scaled() -> None:
    one = features(12, 0)
    other = one.clone()
    other[:, :3] *= 0.1
    assert linear_cka(one, other) < 0.95


def test_it_is_the_formula_of_kornblith_and_others() -> None:
    x, y = (part.double() - part.double().mean(0) for part in (features(12, 0), features(7, 1)))
    expected = (y.T @ x).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm())
    assert linear_cka(features(12, 0), features(7, 1)) == pytest.approx(float(expected))
    assert linear_cka(features(12, 0), features(7, 1)) == pytest.approx(linear_cka(features(7, 1), features(12, 0)))


def test_a_constant_representation_has_no_similarity() -> None:
    assert torch.isnan(torch.tensor(linear_cka(torch.ones(5, 3), features(3, 0)[:5])))


def test_layers_of_two_networks_are_compared_one_by_one(model: TrainedModel, data: Dataset) -> None:
    other = tiny_model(seed=9)
    same = layer_similarity(model.network, model.network, model, data["test"])
    differing = layer_similarity(model.network, other.network, model, data["test"])
    assert list(same) == list(differing) == list(compared_layers(model))
    assert all(value == pytest.approx(1) for value in same.values())
    assert min(differing.values()) < 0.99
    assert compared_layers(model)[0] == model.anatomy.names[0]
    assert compared_layers(model)[-2:] == (model.anatomy.names[-1], "fc")
    assert not any(part._forward_hooks for part in model.network.modules())


def test_images_that_lie_class_by_class_are_compared_in_proportion() -> None:
    images = tiny_images(400, 5).without((1,))
    by_class = images.subset(images.labels.argsort(stable=True))
    for stored in (images, by_class):
        chosen = compared_images(stored, 256)
        counts = torch.bincount(stored.labels[chosen], minlength=4).tolist()
        assert len(chosen.unique()) == 256 and counts[1] == 0 and set(counts) == {0, 85, 86}
        assert torch.equal(chosen, compared_images(stored, 256))
    few = tiny_images(3, 5)
    assert sorted(compared_images(few).tolist()) == list(range(12))


def test_the_order_images_lie_in_does_not_change_which_classes_are_compared(model: TrainedModel) -> None:
    images, other = tiny_images(100, 5), tiny_model(seed=9)
    by_class = images.subset(images.labels.argsort(stable=True))
    one, two = (layer_similarity(model.network, other.network, model, part) for part in (images, by_class))
    assert one == pytest.approx(two, abs=1e-6)


def test_a_head_that_one_of_them_does_not_have_is_left_out(model: TrainedModel, data: Dataset) -> None:
    class Headless(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, part in deepcopy(model.network).named_children():
                setattr(self, "answers" if name == "fc" else name, part)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            maps = self.bn1(self.conv1(images)).relu()
            for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
                maps = stage(maps)
            logits: torch.Tensor = self.answers(maps.mean((2, 3)))
            return logits

    found = layer_similarity(model.network, Headless(), model, data["test"])
    assert list(found) == list(compared_layers(model))[:-1]
    assert all(value == pytest.approx(1) for value in found.values())
