"""Looking over a method's shoulder: which images it reads, how its loss goes, what its batch norms remember."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.methods import METHODS, Unlearned, unlearn
from orthoui.methods.work import Batch, Watch, Work
from orthoui.models.trained import TrainedModel
from tests.tiny import as_model, inputs, random_network, tiny_card, tiny_dataset, without_augmentation

DATA = tiny_dataset()


def done(name: str, model: TrainedModel, watch: Watch | None = None, **fields: object) -> Unlearned:
    """Run a method on the tiny data; class 1 is forgotten unless said otherwise."""
    request = METHODS[name].request.model_validate({"classes": (1,), "batch_size": 32, **fields})
    return unlearn(METHODS[name], model, DATA, request, watch)


def still_images() -> TrainedModel:
    """A random network that a method trains on with the tiny images as they are."""
    return without_augmentation(as_model(random_network(seed=3), tiny_card()))


def labels_drawn(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Return a list that fills with the labels of every batch that is read, as the images were labelled."""
    drawn: list[Tensor] = []
    batch = Work.batch

    def spy(work: Work, images: ImageSet, positions: Tensor, *, augmented: bool = False) -> Batch:
        made = batch(work, images, positions, augmented=augmented)
        drawn.append(made.labels)
        return made

    monkeypatch.setattr(Work, "batch", spy)
    return drawn


@torch.no_grad()
def loss_on(network: nn.Module, images: ImageSet) -> float:
    """Return the mean cross entropy of a network in evaluation mode."""
    return float(F.cross_entropy(network(inputs(images)), images.labels))


@torch.no_grad()
def accuracy_on(network: nn.Module, images: ImageSet) -> float:
    """Return the share of images that are recognised."""
    return float((network(inputs(images)).argmax(1) == images.labels).float().mean())


def buffers(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of every buffer of a network."""
    return {name: buffer.clone() for name, buffer in network.named_buffers()}


def same_buffers(one: nn.Module, two: nn.Module) -> bool:
    """Whether two networks remember the same statistics, bit for bit."""
    first, second = buffers(one), buffers(two)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
