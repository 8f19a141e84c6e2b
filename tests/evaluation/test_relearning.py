"""Relearn time: nothing to relearn takes no steps, more to relearn takes more."""

import copy

import pytest
import torch
from torch import nn

from orthoui.data import Dataset
from orthoui.errors import CancelledError
from orthoui.evaluation.relearning import RelearnSettings, accuracy, relearn
from orthoui.methods import METHODS, unlearn
from orthoui.models.trained import TrainedModel
from tests.tiny import same_tensors, state_of

SETTINGS = RelearnSettings(learning_rate=0.02, batch_size=32, most_steps=40, seeds=2)


def test_a_network_that_knows_the_class_needs_no_step(model: TrainedModel, data: Dataset) -> None:
    before = state_of(model.network)
    found = relearn(model.network, model, data, (1,), 100.0, SETTINGS)
    assert found is not None and found.steps == (0, 0) and found.capped == 0 and found.mean == 0
    assert same_tensors(model.network, before)


def test_a_network_that_forgot_needs_some_and_the_count_is_of_steps(model: TrainedModel, data: Dataset) -> None:
    forgotten = unlearn(
        METHODS["gradient-ascent"],
        model,
        data,
        METHODS["gradient-ascent"].request(classes=(1,), epochs=20, learning_rate=0.05, clip=10),
    ).network
    images = data["calibration"].subset(torch.nonzero(data["calibration"].labels == 1).flatten())
    assert accuracy(forgotten, model, images) < 50
    found = relearn(forgotten, model, data, (1,), 100.0, SETTINGS)
    assert found is not None and all(0 < steps <= 40 for steps in found.steps)
    assert relearn(forgotten, model, data, (1,), 100.0, SETTINGS) == found  # seeded


def never_said(model: TrainedModel) -> nn.Module:
    """Return the model's network with class 1 all but ruled out."""
    network = copy.deepcopy(model.network)
    with torch.no_grad():
        network.get_submodule(model.anatomy.head).bias[1] = -1e6
    return network


def test_one_that_does_not_come_back_is_capped(model: TrainedModel, data: Dataset) -> None:
    still = SETTINGS.model_copy(update={"learning_rate": 1e-12, "most_steps": 2})
    found = relearn(never_said(model), model, data, (1,), 100.0, still)
    assert found is not None and (found.steps, found.capped) == ((2, 2), 2)


def test_a_forbidden_answer_is_not_measured(model: TrainedModel, data: Dataset) -> None:
    masked = unlearn(METHODS["logit-mask"], model, data, METHODS["logit-mask"].request(classes=(1,))).network
    assert relearn(masked, model, data, (1,), 100.0, SETTINGS) is None


def test_it_can_be_cancelled(model: TrainedModel, data: Dataset) -> None:
    with pytest.raises(CancelledError):
        relearn(never_said(model), model, data, (1,), 100.0, SETTINGS, cancelled=lambda: True)
