"""FAMR: the uniform loss, the anchor, and the bound that holds at the end."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orthoui.data import Dataset
from orthoui.methods import METHODS, unlearn
from orthoui.methods.famr import uniform_loss
from orthoui.models.trained import TrainedModel
from tests.methods.working import logits_of, moved, request, work_of

FAMR = METHODS["famr"]


def loss_on_class(network: torch.nn.Module, model: TrainedModel, data: Dataset) -> float:
    work = work_of(model, data, request("famr"))
    return float(uniform_loss(logits_of(network, work.forget)))


def entropy(network: torch.nn.Module, model: TrainedModel, data: Dataset) -> float:
    work = work_of(model, data, request("famr"))
    shares = logits_of(network, work.forget).softmax(1)
    return float(torch.special.entr(shares).sum(1).mean())


@given(st.integers(2, 50), st.floats(-50, 50))
def test_the_loss_of_uniform_outputs_is_zero(classes: int, height: float) -> None:
    assert uniform_loss(torch.full((3, classes), height)) == pytest.approx(0, abs=1e-5)


def test_the_loss_is_the_divergence_from_uniform_and_its_slope_is_p_minus_one_over_c() -> None:
    logits = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    loss = uniform_loss(logits)
    expected = torch.nn.functional.kl_div(
        logits.log_softmax(1), torch.full_like(logits, 1 / 7), reduction="batchmean"
    )
    assert loss.item() == pytest.approx(expected.item())
    (slope,) = torch.autograd.grad(loss, logits)
    assert torch.allclose(slope * 5, logits.softmax(1) - 1 / 7)


def test_an_infinite_anchor_is_the_identity(model: TrainedModel, data: Dataset) -> None:
    near = moved(unlearn(FAMR, model, data, request("famr", anchor=1e9, stop_at_chance=False)).network, model)
    far = moved(unlearn(FAMR, model, data, request("famr", anchor=0, stop_at_chance=False)).network, model)
    assert near < 1e-4 < far


@pytest.mark.parametrize("fields", [{}, {"anchor": 1.0}, {"anchor": 100.0}, {"optimiser": "sgd", "anchor": 500.0}])
def test_the_bound_holds_at_the_end(model: TrainedModel, data: Dataset, fields: dict[str, object]) -> None:
    asked = request("famr", learning_rate=1e-3, stop_at_chance=False, **fields)
    network = unlearn(FAMR, model, data, asked).network
    before, after = loss_on_class(model.network, model, data), loss_on_class(network, model, data)
    pull = asked.anchor / 2 * moved(network, model) ** 2  # type: ignore[attr-defined]
    assert pull <= before - after + 1e-5 and before - after <= before


def test_steps_that_lead_uphill_are_shortened_and_said(model: TrainedModel, data: Dataset) -> None:
    done = unlearn(FAMR, model, data, request("famr", anchor=1e6, stop_at_chance=False))
    assert "uphill" in done.notes[0]


def test_the_entropy_on_the_class_rises_towards_its_limit(model: TrainedModel, data: Dataset) -> None:
    asked = request("famr", learning_rate=1e-3, epochs=15, stop_at_chance=False)
    network = unlearn(FAMR, model, data, asked).network
    before, after = entropy(model.network, model, data), entropy(network, model, data)
    assert before + 0.1 < after <= math.log(4) + 1e-5


def test_it_stops_when_the_class_is_recognised_by_chance(model: TrainedModel, data: Dataset) -> None:
    few = unlearn(FAMR, model, data, request("famr", learning_rate=1e-2, epochs=60))
    all_of_them = unlearn(FAMR, model, data, request("famr", learning_rate=1e-2, epochs=60, stop_at_chance=False))
    assert few.backward < all_of_them.backward == 60 * 30


def test_there_is_no_weight_decay_beside_the_anchor() -> None:
    with pytest.raises(ValidationError):
        request("famr", weight_decay=1e-4)


def test_batch_norm_statistics_stay(model: TrainedModel, data: Dataset) -> None:
    network = unlearn(FAMR, model, data, request("famr")).network
    assert all(map(torch.equal, network.buffers(), model.network.buffers()))
