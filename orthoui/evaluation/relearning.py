"""Relearn time: how many steps of training bring the class back. Few steps mean that it was only hidden."""

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from orthoui.data import Dataset, ImageSet
from orthoui.errors import CancelledError
from orthoui.models.trained import TrainedModel

EVALUATION_BATCH = 500


class RelearnSettings(BaseModel):
    """The fixed recipe: plain SGD on batches of half forgotten and half retained training images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="small, so that steps have resolution")
    batch_size: int = Field(default=128, ge=4, le=4096, description="images per step, half of them forgotten")
    within: float = Field(default=5.0, ge=0, le=100, description="points of the original's accuracy to come back to")
    most_steps: int = Field(default=100, ge=1, le=10_000, description="steps after which it counts as not relearned")
    seeds: int = Field(default=3, ge=1, le=20, description="draws of the batches that are averaged")


class Relearning(BaseModel):
    """Steps until the class was back, one per seed; ``capped`` of them had not come back after ``most_steps``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: tuple[int, ...]
    capped: int
    most_steps: int
    target: float = Field(description="accuracy on the forgotten classes to come back to, percent")

    @property
    def mean(self) -> float:
        """Mean number of steps; a lower bound when some were capped."""
        return float(np.mean(self.steps))


def relearn(
    network: nn.Module,
    model: TrainedModel,
    data: Dataset,
    classes: tuple[int, ...],
    original: float,
    settings: RelearnSettings | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Relearning | None:
    """Train ``network`` until it recognises the classes within some points of ``original``, percent.

    Golatkar et al. (CVPR 2020) and Chundawat et al. (IEEE TIFS 2023, arXiv 2201.05629). Accuracy is read on
    calibration images after every step, batch norms keep their statistics, and the given network is untouched.
    None where the answer is forbidden, as by a mask: training cannot bring it back, and taking the mask off can.
    """
    settings = settings or RelearnSettings()
    watched = data["calibration"].only(classes)
    if _forbidden(network, model, watched, classes):
        return None
    target = max(0.0, original - settings.within)
    found = [
        _steps(network, model, data, classes, watched, target, settings, seed, cancelled)
        for seed in range(settings.seeds)
    ]
    return Relearning(
        steps=tuple(steps if steps is not None else settings.most_steps for steps in found),
        capped=sum(steps is None for steps in found),
        most_steps=settings.most_steps,
        target=target,
    )


@torch.no_grad()
def _forbidden(network: nn.Module, model: TrainedModel, images: ImageSet, classes: tuple[int, ...]) -> bool:
    logits = copy.deepcopy(network).eval()(model.prepare(images.images[:1]))
    return bool((logits[:, list(classes)] == -torch.inf).all())


def _steps(
    network: nn.Module,
    model: TrainedModel,
    data: Dataset,
    classes: tuple[int, ...],
    watched: ImageSet,
    target: float,
    settings: RelearnSettings,
    seed: int,
    cancelled: Callable[[], bool],
) -> int | None:
    student = copy.deepcopy(network).eval().requires_grad_(True)
    optimiser = torch.optim.SGD(student.parameters(), lr=settings.learning_rate)
    batches = _batches(model, data["train"], classes, settings.batch_size // 2, seed)
    for step in range(settings.most_steps + 1):
        if accuracy(student, model, watched) >= target:
            return step
        if cancelled():
            raise CancelledError("The measurement was cancelled.")
        inputs, labels = next(batches)
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(student(inputs), labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return None


def _batches(
    model: TrainedModel, images: ImageSet, classes: tuple[int, ...], half: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    parts = [images.only(classes), images.without(classes)]
    while True:
        drawn = [part.subset(torch.randint(len(part), (half,), generator=generator)) for part in parts]
        pixels, labels = (
            torch.cat(pair) for pair in zip(*((part.images, part.labels) for part in drawn), strict=True)
        )
        yield model.prepare(pixels), labels.to(model.device)


@torch.no_grad()
def accuracy(network: nn.Module, model: TrainedModel, images: ImageSet) -> float:
    """Return percent correct of a network that may still be training; float32."""
    right = 0
    for start in range(0, len(images), EVALUATION_BATCH):
        part = slice(start, start + EVALUATION_BATCH)
        right += int((network(model.prepare(images.images[part])).argmax(1).cpu() == images.labels[part]).sum())
    return 100 * right / max(1, len(images))
