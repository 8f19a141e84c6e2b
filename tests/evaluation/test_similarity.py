"""Linear CKA against its properties and an independent formula."""

import pytest
import torch

from orthoui.data import Dataset
from orthoui.evaluation.similarity import compared_layers, layer_similarity, linear_cka
from orthoui.models.trained import TrainedModel
from tests.tiny import tiny_model


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
    assert compared_layers(model)[-1] == model.anatomy.names[-1]
    assert not any(part._forward_hooks for part in model.network.modules())
