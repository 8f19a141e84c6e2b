"""Random labels on salient weights only."""

from math import floor

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from orthoui.data import Dataset
from orthoui.methods import METHODS, unlearn
from orthoui.methods.salun import Freeze, SalUnRequest, epoch_batches, relabelled_loss, salient
from orthoui.models.trained import TrainedModel
from tests.methods.works import buffers_of, equal, parameters_of, work_on
from tests.tiny import same_tensors

SALUN = METHODS["salun"]


def asked(**fields: object) -> SalUnRequest:
    return SalUnRequest.model_validate({"classes": (1,), "batch_size": 32, "epochs": 2, **fields})


@given(seed=st.integers(0, 99), share=st.floats(0, 1))
def test_exactly_the_floor_of_the_share_is_chosen_by_rank(seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    saliency = [torch.rand(7, 3, generator=generator).round(decimals=1), torch.zeros(11)]
    masks = salient(saliency, share)
    assert [mask.shape for mask in masks] == [part.shape for part in saliency]
    chosen, values = (torch.cat([part.flatten() for part in parts]) for parts in (masks, saliency))
    assert int(chosen.sum()) == floor(share * 32)
    if chosen.any() and not chosen.all():
        assert values[chosen].min() >= values[~chosen].max()


def salient_of(model: TrainedModel, data: Dataset, share: float, batch_size: int = 32) -> list[torch.Tensor]:
    """The masks written out: absolute value of the sum of batch gradients, in evaluation mode."""
    network = work_on(model, data, asked()).student().eval()
    work = work_on(model, data, asked())
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0)).split(batch_size)
    for positions in order:
        batch = work.batch(work.forget, positions)
        (-F.cross_entropy(network(batch.inputs), batch.labels)).backward()
    return salient([part.grad.abs() for part in network.parameters()], share)


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_weights_outside_the_mask_end_bit_for_bit_as_they_were(
    model: TrainedModel, data: Dataset, optimiser: str, compat: bool
) -> None:
    request = asked(optimiser=optimiser, share=0.3, weight_decay=0.1, compat=compat)
    done = unlearn(SALUN, model, data, request)
    masks = salient_of(model, data, 0.3)
    for after, before, mask in zip(done.network.parameters(), parameters_of(model.network), masks, strict=True):
        assert torch.equal(after[~mask], before[~mask])
    moved = sum(
        int((after != before).sum())
        for after, before in zip(done.network.parameters(), model.network.parameters(), strict=True)
    )
    assert moved > 0.9 * sum(int(mask.sum()) for mask in masks)


def test_the_momentum_of_frozen_weights_is_cleared() -> None:
    weights = torch.nn.Parameter(torch.ones(4))
    optimiser = torch.optim.SGD([weights], lr=0.1, momentum=0.9, weight_decay=0.5)
    freeze = Freeze(optimiser, [torch.tensor([True, False, True, False])])
    for _ in range(3):
        weights.grad = torch.ones(4)
        optimiser.step()
        freeze.restore()
    momentum = optimiser.state[weights]["momentum_buffer"]
    assert momentum[[1, 3]].tolist() == [0, 0] and (momentum[[0, 2]] > 0).all()
    assert weights[[1, 3]].tolist() == [1, 1] and (weights[[0, 2]] < 1).all()


@pytest.mark.parametrize("compat", [False, True])
def test_a_share_of_one_is_the_method_random_label(model: TrainedModel, data: Dataset, compat: bool) -> None:
    shared = {"classes": (1,), "epochs": 2, "batch_size": 32, "learning_rate": 0.01, "compat": compat}
    plain = METHODS["random-label"]
    expected = unlearn(plain, model, data, plain.request.model_validate({**shared, "schedule": "constant"})).network
    found = unlearn(SALUN, model, data, SALUN.request.model_validate({**shared, "share": 1})).network
    assert same_tensors(found, expected.state_dict())
    assert not equal(found.parameters(), parameters_of(model.network))


def test_a_share_of_zero_is_the_identity_on_parameters(model: TrainedModel, data: Dataset) -> None:
    done = unlearn(SALUN, model, data, asked(share=0))
    assert equal(done.network.parameters(), parameters_of(model.network))
    assert not equal(done.network.buffers(), buffers_of(model.network))  # batch norms are not masked


def labels_seen(model: TrainedModel, data: Dataset, request: SalUnRequest) -> list[list[tuple[int, int]]]:
    """Position and label of every image of three epochs, in the order they come."""
    batches = epoch_batches(work_on(model, data, request), request)
    return [
        [pair for batch in batches() for pair in zip(batch.positions.tolist(), batch.labels.tolist(), strict=True)]
        for _ in range(3)
    ]


def test_labels_are_drawn_once_without_the_class_and_all_images_are_shuffled(
    model: TrainedModel, data: Dataset
) -> None:
    labels = data["train"].labels
    epochs = labels_seen(model, data, asked())
    assert len({tuple(sorted(epoch)) for epoch in epochs}) == 1 and len({tuple(epoch) for epoch in epochs}) == 3
    of_class = [int(labels[position]) == 1 for position, _ in epochs[0]]
    assert of_class[:30] != [True] * 30
    for position, label in epochs[0]:
        assert label != 1 if labels[position] == 1 else label == labels[position]


def test_compat_visits_the_class_first_and_draws_anew_from_all_classes(model: TrainedModel, data: Dataset) -> None:
    labels = data["train"].labels
    epochs = labels_seen(model, data, asked(compat=True))
    for epoch in epochs:
        assert [int(labels[position]) == 1 for position, _ in epoch] == [True] * 30 + [False] * 90
        assert all(label == labels[position] for position, label in epoch[30:])
    assert len({tuple(sorted(epoch[:30])) for epoch in epochs}) == 3
    assert {label for epoch in epochs for _, label in epoch[:30]} == {0, 1, 2, 3}


def test_retained_images_are_weighted(model: TrainedModel, data: Dataset) -> None:
    work = work_on(model, data, asked())
    batch = work.batch(data["train"], torch.arange(12))
    losses = F.cross_entropy(work.logits(model.network, batch.inputs), batch.labels, reduction="none")
    weights = torch.where(data["train"].labels[:12] == 1, 1.0, 2.5)
    torch.testing.assert_close(relabelled_loss(work, model.network, batch, 2.5), (losses * weights).mean())
