"""Selective Synaptic Dampening, with labels and without."""

import math
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from orthoui.data import Dataset
from orthoui.data.imageset import ImageSet
from orthoui.errors import CancelledError
from orthoui.methods import METHODS, unlearn
from orthoui.methods.importance import each_gradient
from orthoui.methods.lfssd import sensitivity
from orthoui.methods.ssd import DampeningRequest, dampen, fisher
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel
from tests.methods.works import buffers_of, equal, parameters_of, work_on

BOTH = pytest.mark.parametrize("name", ["ssd", "lfssd"])


def asked(**fields: object) -> DampeningRequest:
    return DampeningRequest.model_validate({"classes": (1,), "batch_size": 16, "selection": 1, **fields})


@BOTH
def test_no_weight_grows_or_changes_its_sign_and_buffers_stay(model: TrainedModel, data: Dataset, name: str) -> None:
    done = unlearn(METHODS[name], model, data, asked())
    pairs = list(zip(model.network.parameters(), done.network.parameters(), strict=True))
    assert any(not torch.equal(before, after) for before, after in pairs)
    for before, after in pairs:
        assert (after.abs() <= before.abs()).all()
        assert (after * before >= 0).all()
    assert equal(buffers_of(done.network), buffers_of(model.network))
    assert "weights were dampened" in done.notes[0]


@BOTH
def test_batch_norms_and_biases_take_part(model: TrainedModel, data: Dataset, name: str) -> None:
    done = unlearn(METHODS[name], model, data, asked())
    before = dict(model.network.named_parameters())
    changed = {part for part, value in done.network.named_parameters() if not torch.equal(value, before[part])}
    assert any("bn" in part for part in changed)


def importances(seed: int, size: int = 200) -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor]]:
    """Weights and two importances that span many orders of magnitude, with zeros among them."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(size, generator=generator)
    forget, everything = 10 ** (-30 * torch.rand(2, size, generator=generator))
    forget[::7] = 0
    everything[::5] = 0
    return [weights], [forget], [everything]


@given(seed=st.integers(0, 1000), selection=st.floats(1, 100), dampening=st.floats(0, 2))
def test_selected_weights_shrink_below_lambda_over_alpha_and_the_rest_stay(
    seed: int, selection: float, dampening: float
) -> None:
    weights, forget, everything = importances(seed)
    before = weights[0].clone()
    count = dampen(weights, forget, everything, selection, dampening)
    selected = forget[0] > selection * everything[0]
    assert count == int(selected.sum())
    assert torch.equal(weights[0][~selected], before[~selected])
    factors = weights[0][selected] / before[selected]
    assert torch.isfinite(factors).all()
    assert (factors <= min(1.0, dampening / selection) + 1e-6).all()
    expected = (dampening * everything[0] / forget[0])[selected].clamp(max=1)
    torch.testing.assert_close(weights[0][selected], before[selected] * expected)


def test_an_infinite_alpha_is_the_identity() -> None:
    weights, forget, everything = importances(1)
    before = weights[0].clone()
    assert dampen(weights, forget, everything, math.inf, 1) == 0
    assert torch.equal(weights[0], before)


@BOTH
def test_forgetting_everything_is_the_identity(model: TrainedModel, data: Dataset, name: str) -> None:
    importance = {"ssd": fisher, "lfssd": sensitivity}[name]
    work = work_on(model, data, asked())
    network, train = work.student(), data["train"]
    twin = train.subset(torch.arange(len(train)))
    one, two = (importance(work, network, images, 16, lambda batch: None) for images in (twin, train))
    assert dampen(network.parameters(), one, two, 1, 1) == 0
    assert equal(network.parameters(), parameters_of(model.network))


def test_without_labels_none_is_read(model: TrainedModel, data: Dataset) -> None:
    work = work_on(model, data, asked())
    lied = ImageSet(work.retain.images, torch.zeros_like(work.retain.labels))
    network = work.student()
    told = sensitivity(work, network, work.retain, 16, lambda batch: None)
    assert equal(told, sensitivity(work, network, lied, 16, lambda batch: None))
    gradients = list(each_gradient(work, network, lied, 16, lambda batch: None, lambda logits, batch: logits.sum()))
    assert len(gradients) == 6


@BOTH
def test_both_passes_use_the_batch_size_and_are_counted(model: TrainedModel, data: Dataset, name: str) -> None:
    steps: list[tuple[int, int]] = []
    watch = Watch(progress=lambda step, total, loss: steps.append((step, total)))
    done = unlearn(METHODS[name], model, data, asked(), watch)
    assert steps == [(step, 10) for step in range(1, 11)]  # 2 of 30 forgotten images, 8 of all 120
    assert done.samples == done.forward == done.backward == 150
    assert set(done.seconds) == {"statistics", "edit"}


def test_it_costs_little_more_than_its_two_gradient_passes(model: TrainedModel, data: Dataset) -> None:
    def passes() -> float:
        work = work_on(model, data, asked())
        network = work.student()
        started = time.perf_counter()
        for images in (work.forget, data["train"]):
            for gradient in each_gradient(work, network, images, 16, lambda batch: None):
                del gradient
        return time.perf_counter() - started

    def whole() -> float:
        started = time.perf_counter()
        unlearn(METHODS["ssd"], model, data, asked())
        return time.perf_counter() - started

    passes(), whole()
    ratios = [whole() / passes() for _ in range(7)]
    # networks this small spend as long on the arithmetic of weights as on images: the real bound is measured by the
    # benchmark at full size, this one finds a second sweep over the data
    assert min(ratios) < 1.5, ratios


@BOTH
def test_it_stops_when_cancelled(model: TrainedModel, data: Dataset, name: str) -> None:
    with pytest.raises(CancelledError, match="cancelled"):
        unlearn(METHODS[name], model, data, asked(), Watch(cancelled=lambda: True))
