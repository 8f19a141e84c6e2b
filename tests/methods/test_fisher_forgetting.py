"""Fisher forgetting: the information against one-by-one gradients, and the noise it allows."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from orthoui.data import Dataset
from orthoui.errors import CancelledError, RequestError
from orthoui.methods import METHODS, unlearn
from orthoui.methods.fisher_forgetting import FisherRequest, _sample, add_noise, expected_fisher, variance
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel
from tests.methods.working import logits_of, request, work_of
from tests.tiny import inputs, same_tensors, state_of

NAME = "fisher-forgetting"
FISHER = METHODS[NAME]
FEW = {"images_per_class": 2}


def test_the_information_is_that_of_gradients_taken_one_by_one(model: TrainedModel, data: Dataset) -> None:
    work = work_of(model, data, request(NAME))
    network = work.student().eval()
    images = work.retain.subset(torch.arange(5))
    found = expected_fisher(work, network, images, 2)
    expected = {name: torch.zeros_like(part) for name, part in network.named_parameters()}
    for image in inputs(images):
        logits = network(image[None])
        for label, share in enumerate(logits.softmax(1)[0].tolist()):
            loss = F.cross_entropy(logits, torch.tensor([label]))
            slopes = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)
            for total, slope in zip(expected.values(), slopes, strict=True):
                total += share * slope**2 / 5
    for name, part in found.items():
        assert torch.allclose(part, expected[name], rtol=1e-3, atol=1e-7), name
    assert work.backward_passes == 5 * 4


def test_no_noise_is_the_identity_only_without_the_reset_row(model: TrainedModel, data: Dataset) -> None:
    before = state_of(model.network)
    still = unlearn(FISHER, model, data, request(NAME, noise=0, reset_row=False, **FEW)).network
    assert same_tensors(still, before)
    reset = unlearn(FISHER, model, data, request(NAME, noise=0, **FEW)).network.state_dict()
    changed = {name for name, part in before.items() if not torch.equal(part, reset[name])}
    assert changed == {"fc.weight", "fc.bias"}
    assert torch.equal(reset["fc.weight"][[0, 2, 3]], before["fc.weight"][[0, 2, 3]])


def test_the_variance_is_bounded_averaged_and_louder_at_the_end() -> None:
    needed, idle = torch.full((4, 3), 1e3), torch.zeros(4, 3)
    assert torch.allclose(variance(needed, 1e-6, last=False), torch.tensor(1e-9))
    assert torch.allclose(variance(idle, 1e-6, last=False), torch.tensor(1e-3))
    assert torch.allclose(variance(idle, 1e-6, last=True), torch.tensor(1e-3))  # cap 100, then ×10
    assert torch.allclose(variance(idle[:, 0], 1e-6, last=False), torch.tensor(1e-2))
    uneven = torch.tensor([[1.0, 2.0], [0.5, 0.5]])
    assert torch.allclose(variance(uneven, 1.0, last=False), torch.tensor([[0.75, 0.75], [2.0, 2.0]]))


def test_the_noise_has_its_variance_and_the_row_its_own(model: TrainedModel, data: Dataset) -> None:
    asked = request(NAME, noise=1e-6)
    work = work_of(model, data, asked)
    idle = {name: torch.zeros_like(part) for name, part in model.network.named_parameters()}
    changes, rows = [], []
    for _ in range(20):
        student = work.student()
        add_noise(work, student, idle, work.asked(FisherRequest))
        changes.append((student.layer4[0].conv1.weight - model.network.layer4[0].conv1.weight).flatten())
        rows.append(student.fc.weight[1])
    assert torch.cat(changes).var().item() == pytest.approx(1e-3, rel=0.05)
    assert torch.cat(rows).mean().item() == pytest.approx(0, abs=2e-3)
    assert torch.cat(rows).var().item() == pytest.approx(1e-4, rel=0.2)


def test_as_published_every_tensor_of_c_rows_is_the_last_layer(model: TrainedModel, data: Dataset) -> None:
    work = work_of(model, data, request(NAME, noise=0, compat=True))
    idle = {name: torch.zeros_like(part) for name, part in model.network.named_parameters()}
    student = work.student()
    add_noise(work, student, idle, work.asked(FisherRequest))
    changed = {
        name
        for (name, now), then in zip(student.named_parameters(), model.network.parameters(), strict=True)
        if not torch.equal(now, then)
    }
    expected = {name for name, part in model.network.named_parameters() if len(part) == 4}
    assert changed == expected > {"fc.weight", "fc.bias"}  # the tiny model's first layers have four channels


def test_it_forgets_and_batch_norm_statistics_stay(model: TrainedModel, data: Dataset) -> None:
    network = unlearn(FISHER, model, data, request(NAME, noise=1e-9, images_per_class=5)).network
    test = data["test"]
    answers = logits_of(network, test).argmax(1)
    before = logits_of(model.network, test).argmax(1)
    assert (answers[test.labels == 1] == 1).float().mean() < (before[test.labels == 1] == 1).float().mean()
    assert all(map(torch.equal, network.buffers(), model.network.buffers()))


def test_the_images_are_bounded_retained_and_drawn_by_the_seed(model: TrainedModel, data: Dataset) -> None:
    one, two, other = (
        _sample(work_of(model, data, request(NAME, seed=seed)), 4).images.float().sum() for seed in (0, 0, 1)
    )
    assert one == two != other
    sample = _sample(work_of(model, data, request(NAME)), 4)
    assert torch.bincount(sample.labels).tolist() == [4, 0, 4, 4]
    assert len(_sample(work_of(model, data, request(NAME)), 1000)) == 90


def test_it_can_be_cancelled(model: TrainedModel, data: Dataset) -> None:
    with pytest.raises(CancelledError):
        unlearn(FISHER, model, data, request(NAME, **FEW), Watch(cancelled=lambda: True))


def test_a_network_without_a_linear_head_is_refused_in_words(model: TrainedModel, data: Dataset) -> None:
    headless = replace(model, anatomy=replace(model.anatomy, head=None))
    with pytest.raises(RequestError, match=r"tiny-0 does not end in one\. Choose another method or model\."):
        unlearn(FISHER, headless, data, request(NAME, **FEW))
