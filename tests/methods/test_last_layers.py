"""CF-k and EU-k touch the last k layers and nothing else, statistics included."""

import pytest
import torch

from orthoui.methods.last_layers import names_of_last
from orthoui.models.trained import TrainedModel
from tests.methods.spying import DATA, accuracy_on, done
from tests.tiny import same_tensors, state_of


def test_layers_are_counted_from_the_head_in_order_of_execution(model: TrainedModel) -> None:
    last = names_of_last(model.network, model.anatomy, 2)
    assert {"fc.weight", "fc.bias", "layer4.1.conv2.weight", "layer4.1.bn2.running_var"} <= last
    assert {name.rsplit(".", 1)[0] for name in last} == {"fc", "layer4.1.conv2", "layer4.1.bn2"}
    assert names_of_last(model.network, model.anatomy, 1000) == set(model.network.state_dict())


@pytest.mark.parametrize("name", ["cf-k", "eu-k"])
def test_what_is_frozen_stays_bit_for_bit_and_the_rest_moves(model: TrainedModel, name: str) -> None:
    trained = names_of_last(model.network, model.anatomy, 3)
    after, before = done(name, model, layers=3, epochs=2).network.state_dict(), state_of(model.network)
    changed = {key for key in before if not torch.equal(after[key], before[key])}
    assert changed == trained


def test_all_layers_of_cf_k_are_fine_tuning(model: TrainedModel) -> None:
    everything = done("cf-k", model, layers=1000, epochs=2)
    assert same_tensors(done("fine-tune", model, epochs=2).network, state_of(everything.network))


def test_eu_k_begins_with_layers_as_before_training(model: TrainedModel) -> None:
    network = done("eu-k", model, layers=2, epochs=0, seed=1).network
    assert not torch.isclose(network.layer4[1].conv2.weight, model.network.layer4[1].conv2.weight).any()
    assert torch.equal(network.layer4[1].bn2.weight, torch.ones(32))
    assert torch.equal(network.layer4[1].bn2.running_mean, torch.zeros(32))
    assert not torch.isclose(network.fc.weight, model.network.fc.weight).any()
    other = done("eu-k", model, layers=2, epochs=0, seed=2).network
    assert not torch.equal(other.fc.weight, network.fc.weight)


def test_eu_k_never_answers_with_the_class(model: TrainedModel) -> None:
    network = done("eu-k", model, layers=1000, epochs=8, learning_rate=0.05).network
    assert accuracy_on(network, DATA["test"].subset(DATA["test"].of_class(1))) == 0
