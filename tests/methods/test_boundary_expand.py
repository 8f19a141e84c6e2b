"""Boundary Expand: the extra output comes and goes."""

from dataclasses import replace

import pytest
import torch

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.methods import METHODS, unlearn
from orthoui.methods.boundary_expand import expanded, shortened
from orthoui.models.trained import TrainedModel
from tests.methods.working import logits_of, moved, request

EXPAND = METHODS["boundary-expand"]


def test_no_epochs_return_bit_equal_logits(model: TrainedModel, data: Dataset) -> None:
    network = unlearn(EXPAND, model, data, request("boundary-expand", epochs=0)).network
    assert torch.equal(logits_of(network, data["test"]), logits_of(model.network, data["test"]))


def test_the_extra_output_is_gone_at_the_end(model: TrainedModel, data: Dataset) -> None:
    network = unlearn(EXPAND, model, data, request("boundary-expand", epochs=1)).network
    assert network.fc.out_features == len(data.classes)  # type: ignore[union-attr]
    assert logits_of(network, data["test"]).shape == (160, 4)
    assert {name: part.shape for name, part in network.state_dict().items()} == {
        name: part.shape for name, part in model.network.state_dict().items()
    }
    assert moved(network, model) > 0


@pytest.mark.parametrize("bias", [True, False])
def test_rows_are_copied_and_the_new_one_is_drawn(bias: bool) -> None:
    head = torch.nn.Linear(6, 4, bias)
    wide = expanded(head)
    assert wide.out_features == 5
    assert torch.equal(wide.weight[:4], head.weight) and wide.weight[4].abs().sum() > 0
    back = shortened(wide, 4)
    assert torch.equal(back.weight, head.weight)
    assert back.bias is head.bias is None if not bias else torch.equal(back.bias, head.bias)


def test_batch_norms_stay_unless_as_published(model: TrainedModel, data: Dataset) -> None:
    def same(**fields: object) -> bool:
        network = unlearn(EXPAND, model, data, request("boundary-expand", epochs=1, **fields)).network
        return all(map(torch.equal, network.buffers(), model.network.buffers()))

    assert same()
    assert not same(compat=True)


def test_a_larger_rate_forgets(model: TrainedModel, data: Dataset) -> None:
    network = unlearn(EXPAND, model, data, request("boundary-expand", learning_rate=1e-4, epochs=5)).network
    answers, labels = logits_of(network, data["test"]).argmax(1), data["test"].labels
    assert (answers[labels == 1] == 1).float().mean() <= 0.1
    assert (answers == labels)[labels != 1].float().mean() >= 0.6


def test_a_network_without_a_linear_head_is_refused_in_words(model: TrainedModel, data: Dataset) -> None:
    headless = replace(model, anatomy=replace(model.anatomy, head=None))
    with pytest.raises(RequestError, match=r"tiny-0 does not end in one\. Choose another method or model\."):
        unlearn(EXPAND, headless, data, request("boundary-expand"))
