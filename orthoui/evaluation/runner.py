"""Running one network over images: in batches that fit, on one worker thread, whatever the device says."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.evaluation.handovers import handovers
from orthoui.models.anatomy import Anatomy
from orthoui.models.device import fast_dtype
from orthoui.models.fast import fast_copy
from orthoui.models.halves import falls_in_halves, first_half, second_half
from orthoui.models.room import Room
from orthoui.models.trained import TrainedModel

Logits = NDArray[np.float32]

LARGEST_BATCH = 1_000
SMALLEST_BATCH = 16
LARGEST_MAPS = 1 << 24
"""Most numbers in one layer's maps of a batch: bounds the memory of a forward pass at some tens of megabytes."""

MOST_ON_DEVICE = 2_000_000_000
"""Bytes of a set of images that is kept on an accelerator; a larger one stays in main memory."""

_WORKER = ThreadPoolExecutor(1, thread_name_prefix="predictions")
"""One forward pass at a time, always in the same thread: sessions take turns in the order they asked, instead of
fighting for the same cores, and their threads hold neither scratch memory nor thread pools of their own."""


@lru_cache(maxsize=1)
def _known_to_fall() -> dict[tuple[str, str], bool]:
    """Return which networks fall in halves, by model and cut: found out once."""
    return {}


def batch_size(anatomy: Anatomy) -> int:
    """Return how many images go through a network at once."""
    widest = max((layer.channels * layer.size**2 for layer in anatomy.layers), default=1)
    return min(LARGEST_BATCH, max(SMALLEST_BATCH, LARGEST_MAPS // widest))


@dataclass(frozen=True)
class _Ready:
    """A network in its fastest form on one device, in halves where that saves work."""

    model: TrainedModel
    whole: nn.Module
    rest: nn.Module | None
    dtype: torch.dtype


class Runner:
    """Runs one network, the model's own or an altered one, over a set of images.

    An altered one is the model's own up to the part ``cut``: what is handed to that is kept for all cut alike.
    """

    def __init__(self, model: TrainedModel, network: nn.Module, images: ImageSet, cut: str | None = None) -> None:
        self._own = model
        self._model = replace(model, network=network)
        self._images = images
        self._cut = cut
        self._ready: _Ready | None = None
        self._room = Room(model.device, batch_size(model.anatomy), SMALLEST_BATCH)

    @property
    def notices(self) -> tuple[str, ...]:
        """What had to give way to a full device, in sentences."""
        return tuple(self._room.notices)

    def logits(self, positions: Tensor) -> Logits:
        """Return float32 logits (n, classes) of the images at ``positions`` (n,) int64. Raises ``ResourceError``."""

        def step(device: torch.device, part: slice) -> Logits:
            return _WORKER.submit(self._forward, device, positions[part]).result()

        return np.concatenate(list(self._room.over(len(positions), step)))

    @torch.inference_mode()
    def _forward(self, device: torch.device, positions: Tensor) -> Logits:
        ready = self._made_ready(device)
        if ready.rest is None or self._cut is None:
            logits: Tensor = ready.whole(self._inputs(ready, positions))
        else:
            logits = ready.rest(self._handed_over(ready, self._cut, positions))
        return logits.float().cpu().numpy()

    def _inputs(self, ready: _Ready, positions: Tensor) -> Tensor:
        images = self._images.on(ready.model.device, MOST_ON_DEVICE).images
        return ready.model.prepare(images[positions.to(images.device)], ready.dtype)

    def _handed_over(self, ready: _Ready, cut: str, positions: Tensor) -> Tensor:
        def compute(missing: Tensor) -> Tensor:
            return first_half(ready.whole, cut, self._inputs(ready, missing))

        key = (self._model.digest, cut, self._images.digest, str(ready.dtype))
        return handovers().get(key, len(self._images), positions, compute)

    def _made_ready(self, device: torch.device) -> _Ready:
        if self._ready is None or self._ready.model.device != device:
            model, dtype = self._model.on(device), fast_dtype(device)
            whole = fast_copy(model.network, model.anatomy, dtype, fold=model.foldable)
            ready = _Ready(model, whole, None, dtype)
            if self._cut is not None and self._in_halves(ready, self._cut):
                ready = replace(ready, rest=second_half(whole, self._cut))
            self._ready = ready
        return self._ready

    def _in_halves(self, ready: _Ready, cut: str) -> bool:
        """Whether to run it in halves: an accelerator is done with both before memory has handed one over."""
        if ready.model.device.type != "cpu":
            return False
        key = self._own.digest, cut
        known = _known_to_fall()
        if key not in known:
            sample = self._inputs(ready, torch.arange(min(2, len(self._images))))
            own = self._own.on(ready.model.device)  # an altered one may answer the same whatever is handed over
            whole = fast_copy(own.network, own.anatomy, ready.dtype, fold=own.foldable)
            known[key] = falls_in_halves(whole, cut, sample)
        return known[key]
