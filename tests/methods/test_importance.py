"""Gradients batch by batch, against the definition written out."""

import pytest
import torch
import torch.nn.functional as F

from orthoui.data import Dataset
from orthoui.methods import MethodRequest
from orthoui.methods.importance import each_gradient, mean_absolute, mean_square, summed
from orthoui.models.trained import TrainedModel
from tests.methods.works import buffers_of, equal, work_on

REQUEST = MethodRequest(classes=(1,), seed=4)


def test_means_and_sum_are_those_of_the_batch_mean_gradients(model: TrainedModel, data: Dataset) -> None:
    work = work_on(model, data, REQUEST)
    network, heard = work.student(), []
    order = torch.randperm(30, generator=torch.Generator().manual_seed(4)).split(8)
    reference = []
    for positions in order:
        inputs = model.prepare(work.forget.images[positions])
        network.eval().zero_grad()
        F.cross_entropy(network(inputs), work.forget.labels[positions]).backward()
        reference.append([part.grad.clone() for part in network.parameters()])
    for gather, expected in (
        (mean_square, lambda parts: torch.stack(parts).square().mean(0)),
        (mean_absolute, lambda parts: torch.stack(parts).abs().mean(0)),
        (summed, lambda parts: torch.stack(parts).sum(0)),
    ):
        found = gather(each_gradient(work, network, work.forget, 8, heard.append))
        for one, parts in zip(found, zip(*reference, strict=True), strict=True):
            torch.testing.assert_close(one, expected(parts))
    assert heard == [1, 2, 3, 4] * 3
    assert work.samples == work.forward_passes == work.backward_passes == 90


def test_gradients_are_float32_even_where_the_device_is_fast_at_less(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orthoui.methods.work.fast_dtype", lambda device: torch.bfloat16)
    work = work_on(model, data, REQUEST)
    seen: list[torch.dtype] = []

    def loss_of(logits: torch.Tensor, batch: object) -> torch.Tensor:
        seen.append(logits.dtype)
        return logits.sum()

    found = summed(each_gradient(work, work.student(), work.forget, 16, lambda batch: None, loss_of))
    assert {part.dtype for part in found} == set(seen) == {torch.float32}


def test_nothing_of_the_network_moves(model: TrainedModel, data: Dataset) -> None:
    work = work_on(model, data, REQUEST)
    network = work.student()
    before = [*model.network.parameters(), *buffers_of(model.network)]
    summed(each_gradient(work, network, work.retain, 16, lambda batch: None))
    assert equal([*network.parameters(), *network.buffers()], before)
    assert all(part.grad is None for part in network.parameters())
