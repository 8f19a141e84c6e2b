"""Magnitude pruning takes the smallest filters of every layer, and looks at nothing."""

import torch

from orthoui.data import Dataset
from orthoui.forgetting.selection import channel_count
from orthoui.methods import METHODS, unlearn
from orthoui.methods.filters import filter_tensors
from orthoui.methods.magnitude_pruning import MagnitudeRequest
from orthoui.models.trained import TrainedModel
from tests.tiny import same_tensors, state_of

CHOSEN = METHODS["magnitude-pruning"]


def test_ratio_0_and_strength_0_are_the_identity(model: TrainedModel, data: Dataset) -> None:
    for fields in ({"ratio": 0.0}, {"ratio": 0.5, "strength": 0.0}):
        done = unlearn(CHOSEN, model, data, MagnitudeRequest(classes=(1,), **fields))
        assert same_tensors(done.network, state_of(model.network))
        assert done.samples == 0


def test_the_same_share_of_every_layer_is_zero_and_nothing_else_changed(model: TrainedModel, data: Dataset) -> None:
    done = unlearn(CHOSEN, model, data, MagnitudeRequest(classes=(1,), ratio=0.25, norms=True))
    for layer in model.anatomy.layers:
        before = model.network.get_submodule(layer.name).weight.abs().flatten(1).sum(1)
        gone = before.argsort()[: channel_count(0.25, layer.channels)]
        kept = torch.ones(layer.channels, dtype=torch.bool)
        kept[gone] = False
        pairs = zip(
            filter_tensors(done.network, layer, norms=True),
            filter_tensors(model.network, layer, norms=True),
            strict=True,
        )
        for now, was in pairs:
            assert not now[gone].any()
            assert torch.equal(now[kept], was[kept])


def test_the_class_makes_no_difference(model: TrainedModel, data: Dataset) -> None:
    one, two = (unlearn(CHOSEN, model, data, MagnitudeRequest(classes=(label,))) for label in (1, 2))
    assert same_tensors(one.network, state_of(two.network))


def test_strength_is_what_is_taken(model: TrainedModel, data: Dataset) -> None:
    done = unlearn(CHOSEN, model, data, MagnitudeRequest(classes=(1,), ratio=0.5, strength=0.4, norm="l2"))
    ratio = done.network.conv1.weight.flatten(1).norm(dim=1) / model.network.conv1.weight.flatten(1).norm(dim=1)
    assert torch.allclose(ratio.sort().values, torch.tensor([0.6, 0.6, 1.0, 1.0]))
