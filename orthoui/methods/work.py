"""What a method works with: images by role, batches, a private copy of the network, stages on the clock."""

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from orthoui.data import Dataset, ImageSet
from orthoui.errors import CancelledError, RequestError
from orthoui.methods.standing_in import standing_in
from orthoui.models.device import fast_dtype, synchronise
from orthoui.models.trained import TrainedModel
from orthoui.training.augmentation import augment, padded
from orthoui.training.recipe import Recipe

if TYPE_CHECKING:
    from orthoui.methods.base import MethodRequest

Stage = Literal["statistics", "edit", "optimisation"]
Asked = TypeVar("Asked", bound=BaseModel)


@dataclass(frozen=True)
class Watch:
    """How a method is watched: told its steps, asked whether to stop."""

    progress: Callable[[int, int, float | None], None] = lambda step, steps, loss: None
    """Called after every step with (step, steps, loss); must be quick."""
    cancelled: Callable[[], bool] = lambda: False
    folder: Path | None = None
    """Where a long training keeps its state, to go on from there at the next attempt; None: it begins anew."""


@dataclass(frozen=True)
class Batch:
    """A batch as a network sees it: ``inputs`` (N, 3, H, W), ``labels`` (N,), and ``positions`` (N,) in its set."""

    inputs: Tensor
    labels: Tensor
    positions: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def with_none_alone(parts: Sequence[Tensor]) -> Sequence[Tensor]:
    """Return batches of positions, a last single image joined to those before: alone it has no batch statistics."""
    if len(parts) > 1 and len(parts[-1]) == 1 < len(parts[0]):
        return [*parts[:-2], torch.cat(list(parts[-2:]))]
    return parts


@dataclass(eq=False)
class Work:
    """One unlearning under way: everything a method may read, and where it reports to."""

    model: TrainedModel
    data: Dataset
    request: "MethodRequest"
    watch: Watch
    seconds: dict[Stage, float] = field(default_factory=lambda: defaultdict(float))
    samples: int = 0
    forward_passes: int = 0
    backward_passes: int = 0
    notes: list[str] = field(default_factory=list)
    """What a person should know about this run, in sentences."""
    generator: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.request.seed)
        train = self.data["train"]
        self.forget: ImageSet = train.only(self.request.classes)
        self.retain: ImageSet = train.without(self.request.classes)

    def asked(self, kind: type[Asked]) -> Asked:
        """Return the request as the kind its method declares. Raises ``TypeError`` for another method's request."""
        if not isinstance(self.request, kind):
            raise TypeError(f"{type(self.request).__name__} is not a {kind.__name__}.")
        return self.request

    @property
    def held_out(self) -> ImageSet:
        """Calibration images of all classes: never trained on, never reported as test."""
        return self.data["calibration"]

    @property
    def classes(self) -> int:
        """Number of outputs."""
        return len(self.data.classes)

    @property
    def device(self) -> torch.device:
        """Where to compute."""
        return self.model.device

    def student(self) -> nn.Module:
        """Return a private float32 copy of the network in training mode, gradients on."""
        return copy.deepcopy(self.model.network).train().requires_grad_(True)

    def batches(
        self, images: ImageSet, size: int, *, shuffle: bool = True, drop_last: bool = False, augmented: bool = False
    ) -> Iterator[Batch]:
        """Yield one pass over ``images`` in batches; counts them as read.

        ``augmented`` shifts and mirrors them as the model's own training did; statistics, importances and attacks
        take them as they are.
        """
        order = torch.randperm(len(images), generator=self.generator) if shuffle else torch.arange(len(images))
        parts = list(torch.split(order, size))
        if drop_last and len(parts) > 1 and len(parts[-1]) < size:
            parts.pop()
        for part in with_none_alone(parts):
            yield self.batch(images, part, augmented=augmented)

    def endless(self, images: ImageSet, size: int, *, augmented: bool = False) -> Iterator[Batch]:
        """Yield batches for ever, in a new order at every pass."""
        while True:
            yield from self.batches(images, size, drop_last=True, augmented=augmented)

    def batch(self, images: ImageSet, positions: Tensor, *, augmented: bool = False) -> Batch:
        """Return the images at ``positions`` as a batch on the device; counts them as read."""
        self.samples += len(positions)
        pixels = images.images[positions].to(self.device)
        if augmented:
            margin = 0 if self.model.card.resized else self.data.padding  # resized, the margin would shrink the image
            pixels = augment(padded(pixels, margin), self.recipe, self.generator)
        return Batch(self.model.prepare(pixels), images.labels[positions].to(self.device), positions)

    @cached_property
    def recipe(self) -> Recipe:
        """How the model was trained; where its card does not say, what stands in for it, and a note that says so."""
        card = self.model.card
        if card.origin == "trained" and card.recipe:
            return Recipe.model_validate(card.recipe)
        recipe, note = standing_in(card)
        self.notes.append(note)
        return recipe

    @property
    def head(self) -> str:
        """Name of the linear layer that makes the logits. Raises ``RequestError`` for a model that has none."""
        if self.model.anatomy.head is None:
            raise RequestError(f"{self.model.name} does not end in one linear layer. Choose another method or model.")
        return self.model.anatomy.head

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Time a block; waits for the device before both readings of the clock."""
        synchronise(self.device)
        started = time.perf_counter()
        try:
            yield
        finally:
            synchronise(self.device)
            self.seconds[name] += time.perf_counter() - started

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of a training forward pass: the device's fast precision."""
        low = fast_dtype(self.device)
        return nullcontext() if low == torch.float32 else torch.autocast(self.device.type, dtype=low)

    def logits(self, network: nn.Module, inputs: Tensor, *, exact: bool = False) -> Tensor:
        """Run a network in the device's fast precision; float32 logits (N, classes). Counts the passes.

        ``exact`` computes in float32 throughout, for importances and attacks.
        """
        self.forward_passes += len(inputs)
        with nullcontext() if exact else self.autocast():
            logits: Tensor = network(inputs)
        return logits.float()

    @torch.no_grad()
    def error(self, network: nn.Module, images: ImageSet, size: int = 500) -> float:
        """Return the share of images that a network gets wrong, in evaluation mode; counts the passes."""
        network.eval()
        wrong = torch.zeros((), device=self.device)
        for batch in self.batches(images, size, shuffle=False):
            wrong += (self.logits(network, batch.inputs).argmax(1) != batch.labels).sum()
        return float(wrong) / len(images)

    def step(self, loss: Tensor, optimiser: torch.optim.Optimizer, images: int, clip: float | None = None) -> None:
        """Take one optimiser step down ``loss`` of ``images`` images, gradient norm clipped to ``clip``."""
        optimiser.zero_grad(set_to_none=True)
        self.backward(loss, images)
        if clip is not None:
            parameters = [part for group in optimiser.param_groups for part in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimiser.step()

    def backward(self, loss: Tensor, images: int) -> None:
        """Run one backward pass of ``images`` images; counts them."""
        self.backward_passes += images
        loss.backward()  # type: ignore[no-untyped-call]

    def count(self, images: int, *, backward: bool = False) -> None:
        """Note that ``images`` were read and run forward, or forward and backward, beside what the others count."""
        self.samples += images
        self.forward_passes += images
        self.backward_passes += images * backward

    def tell(self, step: int, steps: int, loss: Tensor | float | None = None) -> None:
        """Report that ``step`` of ``steps`` is done. Raises ``CancelledError`` when asked to stop."""
        if self.watch.cancelled():
            raise CancelledError("The unlearning was cancelled. The model is unchanged.")
        self.watch.progress(step, steps, None if loss is None else float(loss))
