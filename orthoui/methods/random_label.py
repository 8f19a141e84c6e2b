"""Random labels: the class's images are shown again, each as something else."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.methods.base import method
from orthoui.methods.optimise import Schedule, TrainingRequest, steps_in, train_epochs
from orthoui.methods.relabel import any_labels, other_labels
from orthoui.methods.work import Batch, Work

Drawn = Literal["once", "epoch"]
Beside = Literal["all", "none"]


class RandomLabelRequest(TrainingRequest):
    """Defaults of the SFRon repository for CIFAR-10; SSD's has Adam, rate 1e-4, 3 epochs."""

    epochs: int = Field(default=10, ge=0, le=200, title="Epochs", description="passes over the images it uses")
    learning_rate: float = Field(default=0.003, ge=0, le=10, title="Learning rate", description="of the first step")
    schedule: Schedule = Field(default="cosine", title="Schedule", description="course of the learning rate")
    drawn: Drawn = Field(
        default="once", title="Labels drawn", description="once: for all epochs; epoch: anew before each of them"
    )
    beside: Beside = Field(
        default="all", title="Retained images", description="all: shown with their labels among the others; none"
    )
    compat: bool = Field(
        default=False,
        title="As in SalUn's code",
        description="every epoch shows the forgotten images first and the others then, and draws the labels for "
        "every batch from all classes, the true one included",
    )


@method(
    "random-label",
    title="Random label",
    source="Graves, Nagisetty and Ganesh, AAAI 2021 (arXiv 2010.10981); defaults of the SFRon repository",
    summary="Trains on with the class's images under wrong labels, and all others under their own.",
    request=RandomLabelRequest,
    needs={"forget images", "retain images", "gradients"},
)
def random_label(work: Work) -> nn.Module:
    """Minimise the cross entropy on relabelled forgotten images and, unless asked otherwise, the retained ones."""
    request, student = work.asked(RandomLabelRequest), work.student()
    once = relabelled(work) if request.drawn == "once" and not request.compat else None

    def loss_of(batch: Batch) -> Tensor:
        return F.cross_entropy(work.logits(student, batch.inputs), batch.labels)

    def epoch_batches() -> Iterable[Batch]:
        if request.compat:
            return _as_in_code(work, request)
        shown = shown_images(work, relabelled(work) if once is None else once, request.beside)
        return work.batches(shown, request.batch_size, augmented=True)

    parts = [len(work.forget)] + [len(work.retain)] * (request.beside == "all")
    steps = sum(steps_in(part, request.batch_size) for part in (parts if request.compat else [sum(parts)]))
    with work.stage("optimisation"):
        train_epochs(work, student, request, epoch_batches, steps, loss_of)
    return student


def relabelled(work: Work) -> Tensor:
    """Return labels for the forgotten images, int64 (n,): uniform over the retained classes, seeded."""
    return other_labels(len(work.forget), work.classes, work.request.classes, work.generator)


def shown_images(work: Work, labels: Tensor, beside: Beside) -> ImageSet:
    """Return the forgotten images with these ``labels``, and all training images around them if asked."""
    if beside == "none":
        return ImageSet(work.forget.images, labels)
    train = work.data["train"]
    changed = train.labels.clone()
    changed[torch.isin(train.labels, torch.tensor(work.request.classes))] = labels
    return ImageSet(train.images, changed)


def _as_in_code(work: Work, request: RandomLabelRequest) -> Iterator[Batch]:
    forgotten = (_redrawn(work, batch) for batch in work.batches(work.forget, request.batch_size, augmented=True))
    if request.beside == "none":
        return forgotten
    return chain(forgotten, work.batches(work.retain, request.batch_size, augmented=True))


def _redrawn(work: Work, batch: Batch) -> Batch:
    labels = any_labels(len(batch), work.classes, work.generator)
    return replace(batch, labels=labels.to(work.device))
