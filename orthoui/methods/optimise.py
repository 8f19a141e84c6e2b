"""The optimisation loop that methods share: optimiser, schedule, batch norm mode, epochs with progress."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.methods.base import MethodRequest
from orthoui.methods.work import Batch, Work, with_none_alone

Optimiser = Literal["sgd", "adam", "adamw"]
Schedule = Literal["constant", "cosine"]
NormMode = Literal["train", "eval"]


class EpochsRequest(MethodRequest):
    """How long a method trains that goes over its images again and again."""

    epochs: int = Field(default=5, ge=0, le=200, title="Epochs", description="passes over the images it uses")


class OptimiserRequest(MethodRequest):
    """How a method takes optimiser steps; how many of them is its own affair."""

    learning_rate: float = Field(default=0.01, ge=0, le=10, title="Learning rate", description="of the first step")
    batch_size: int = Field(default=128, ge=2, le=4096, title="Batch size", description="images per step")
    optimiser: Optimiser = Field(default="sgd", title="Optimiser", description="rule of the steps")
    momentum: float = Field(default=0.9, ge=0, lt=1, title="Momentum", description="of SGD")
    weight_decay: float = Field(default=5e-4, ge=0, le=1, title="Weight decay", description="of all weights")
    schedule: Schedule = Field(default="constant", title="Schedule", description="course of the learning rate")
    bn_mode: NormMode = Field(
        default="train", title="Batch norms", description="train: their statistics move; eval: they stay as they are"
    )


class TrainingRequest(OptimiserRequest, EpochsRequest):
    """Settings of a method that trains for some epochs; each method brings its own published defaults."""


def make_optimiser(parameters: Iterable[Tensor], request: OptimiserRequest) -> torch.optim.Optimizer:
    """Return the optimiser a request asks for."""
    rate, decay = request.learning_rate, request.weight_decay
    if request.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=request.momentum, weight_decay=decay)
    kind = torch.optim.Adam if request.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, lr=rate, weight_decay=decay)


def make_schedule(
    optimiser: torch.optim.Optimizer, kind: Schedule, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return a learning rate schedule that advances once per step."""
    if kind == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, steps))
    return torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0, total_iters=0)


def set_mode(network: nn.Module, bn_mode: NormMode) -> nn.Module:
    """Put a network in training mode; with “eval” its batch norms use and keep their running statistics.

    So do batch norms whose γ and β are frozen: a part is frozen only if its statistics are too.
    """
    network.train()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and (bn_mode == "eval" or _frozen(module)):
            module.eval()
    return network


def _frozen(module: nn.Module) -> bool:
    own = list(module.parameters())
    return bool(own) and not any(part.requires_grad for part in own)


def train_epochs(
    work: Work,
    student: nn.Module,
    request: TrainingRequest,
    epoch_batches: Callable[[], Iterable[Batch]],
    steps_per_epoch: int,
    loss_of: Callable[[Batch], Tensor],
    *,
    clip: float | None = None,
    after_step: Callable[[], None] = lambda: None,
    stop: Callable[[int], bool] = lambda epoch: False,
    enough: Callable[[], bool] = lambda: False,
    optimiser: torch.optim.Optimizer | None = None,
    done: int = 0,
    left: int = 0,
) -> None:
    """Minimise ``loss_of(batch)`` over ``request.epochs`` passes of ``epoch_batches()``.

    ``after_step`` may correct the weights (masks, frozen parts); ``stop(epoch)`` is asked before every epoch,
    ``enough()`` between every loss and the step down it.
    ``optimiser`` is made as the request says where none is given. ``done`` steps of the method came before this
    training and ``left`` follow it: the progress is that of the whole.
    """
    parameters = [part for part in student.parameters() if part.requires_grad]
    optimiser = optimiser or make_optimiser(parameters, request)
    steps = request.epochs * steps_per_epoch
    schedule = make_schedule(optimiser, request.schedule, steps)
    step = 0
    for epoch in range(request.epochs):
        if stop(epoch):
            return
        set_mode(student, request.bn_mode)
        for batch in epoch_batches():
            loss = loss_of(batch)
            if enough():
                return
            work.step(loss, optimiser, len(batch), clip)
            after_step()
            schedule.step()
            step += 1
            work.tell(done + step, done + max(step, steps) + left, loss.detach())


def train_on(
    work: Work,
    student: nn.Module,
    request: TrainingRequest,
    images: ImageSet,
    loss_of: Callable[[Batch], Tensor],
    *,
    augmented: bool = False,
    clip: float | None = None,
    after_step: Callable[[], None] = lambda: None,
    stop: Callable[[int], bool] = lambda epoch: False,
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """Minimise ``loss_of(batch)`` over ``request.epochs`` shuffled passes of ``images``; see ``train_epochs``."""
    train_epochs(
        work,
        student,
        request,
        lambda: work.batches(images, request.batch_size, augmented=augmented),
        steps_in(len(images), request.batch_size),
        loss_of,
        clip=clip,
        after_step=after_step,
        stop=stop,
        enough=enough,
    )


def training_batches(work: Work, positions: Tensor, size: int) -> Iterator[Batch]:
    """Yield one shuffled, augmented pass over the training images at ``positions``, forgotten and retained alike."""
    order = positions[torch.randperm(len(positions), generator=work.generator)]
    for part in with_none_alone(torch.split(order, size)):
        yield work.batch(work.data["train"], part, augmented=True)


def steps_in(count: int, batch_size: int) -> int:
    """Return the number of batches in one pass over ``count`` images; a last single image is none."""
    whole, rest = divmod(count, batch_size)
    return whole + (rest > (batch_size > 1 and whole > 0))


@torch.no_grad()
def at_chance(work: Work, student: nn.Module, images: int = 256) -> bool:
    """Whether at most 1/C of a sample of the forgotten training images is still recognised; the loss has no floor."""
    student.eval()
    part = work.batch(work.forget, torch.randperm(len(work.forget), generator=work.generator)[:images])
    right = (work.logits(student, part.inputs).argmax(1) == part.labels).float().mean()
    return bool(right <= 1 / work.classes)
