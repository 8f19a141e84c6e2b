"""Predictions: logits of a split in chunks, in the device's fastest form, remembered by digest."""

import itertools
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.data.preprocessing import prepare
from orthoui.errors import ResourceError
from orthoui.models.device import fast_dtype
from orthoui.models.fast import fast_copy
from orthoui.models.sharing import with_tensors
from orthoui.models.zoo import TrainedModel
from orthoui.settings import settings

Logits = NDArray[np.float32]

FIRST_CHUNK = 500
CHUNK = 1_000
SMALLEST_CHUNK = 16

log = logging.getLogger(__name__)
_compute = threading.Lock()
"""One forward pass at a time: sessions take turns chunk by chunk instead of fighting for the same cores."""


@dataclass(frozen=True)
class Predictions:
    """Logits (n, classes) of the images at ``positions`` (n,) of a split; ``complete`` when that is all."""

    logits: Logits
    positions: NDArray[np.int64]
    complete: bool
    notices: tuple[str, ...] = ()


def sampling_order(labels: Tensor, forget: Sequence[int], seed: int = 0) -> Tensor:
    """Return all positions (N,) so that every beginning is a fair sample: two of five are forgotten-class
    images while there are any, and within both groups the order is random. Estimates of both groups
    therefore sharpen together."""
    generator = torch.Generator().manual_seed(seed)
    forgotten = torch.isin(labels, torch.tensor(list(forget)))
    groups = [torch.nonzero(mask).flatten() for mask in (forgotten, ~forgotten)]
    shuffled = [group[torch.randperm(len(group), generator=generator)] for group in groups]
    # the k-th image of a group is due at time k / pace
    due = torch.cat([torch.arange(len(group)) / pace for group, pace in zip(shuffled, (2, 3), strict=True)])
    return torch.cat(shuffled)[torch.argsort(due, stable=True)]


class PredictionMemo:
    """Complete predictions by key, least recently used out first; bounded in bytes, safe between threads."""

    def __init__(self, megabytes: int) -> None:
        self._limit = megabytes * 1_000_000
        self._size = 0
        self._entries: OrderedDict[tuple[str, ...], Logits] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...]) -> Logits | None:
        """Return the logits under ``key``, or None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: tuple[str, ...], logits: Logits) -> None:
        """Keep logits; they become read-only because every session may be given them."""
        logits.setflags(write=False)
        with self._lock:
            if key in self._entries or logits.nbytes > self._limit:
                return
            self._entries[key] = logits
            self._size += logits.nbytes
            while self._size > self._limit:
                self._size -= self._entries.popitem(last=False)[1].nbytes


@lru_cache(maxsize=1)
def memo() -> PredictionMemo:
    """Return the memo of this process."""
    return PredictionMemo(settings().memo_mb)


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predicts with a variant of a model: the model itself, a pruned or a fine-tuned network.

    ``make`` returns the variant's network; it is called only when something has to be computed.
    """

    model: TrainedModel
    make: Callable[[], nn.Module]
    digest: str
    """Names the variant; together with the model and the images it is the memo key."""
    memo: PredictionMemo = field(default_factory=memo)
    recorded: Callable[[ImageSet], Logits | None] = lambda images: None
    """Predictions of this variant that were made before, if there are any."""

    def complete(self, images: ImageSet) -> Logits:
        """Return the logits of all images, float32 (N, classes), in the set's order."""
        *_, last = self.stream(images, torch.arange(len(images)))
        return last.logits

    def known(self, images: ImageSet) -> Logits | None:
        """Return the logits of all images if they were predicted or recorded before, else None."""
        key = self._key(images)
        logits = self.memo.get(key)
        if logits is None:
            logits = self.recorded(images)
            if logits is not None:
                self.memo.put(key, logits)
        return logits

    def _key(self, images: ImageSet) -> tuple[str, ...]:
        return self.model.digest, self.digest, images.digest

    def stream(self, images: ImageSet, order: Tensor) -> Iterator[Predictions]:
        """Yield growing predictions; the last is complete and in the set's own order.

        ``order`` (N,) is the order of computation; see ``sampling_order``.
        """
        known = self.known(images)
        if known is not None:
            yield Predictions(known, np.arange(len(known)), complete=True)
            return
        logits = np.empty((len(images), len(self.model.card.classes)), dtype=np.float32)
        done = 0
        runner = _Runner(self.model, self.make())
        while done < len(images):
            positions = order[done : done + (FIRST_CHUNK if done == 0 else CHUNK)]
            logits[positions.numpy()] = runner.logits(images.images[positions])
            done += len(positions)
            if done < len(images):
                seen = order[:done].numpy()
                yield Predictions(logits[seen], seen, complete=False, notices=tuple(runner.notices))
        self.memo.put(self._key(images), logits)
        yield Predictions(logits, np.arange(len(images)), complete=True, notices=tuple(runner.notices))


class _Runner:
    """Runs one network over chunks; on a full device it retries with smaller ones, then on the processor."""

    def __init__(self, model: TrainedModel, network: nn.Module) -> None:
        self._model = model
        self._network = network
        self._chunk = CHUNK
        self.notices: list[str] = []
        self._place(model.device)

    def _place(self, device: torch.device) -> None:
        self._device = device
        self._dtype = fast_dtype(device)
        placed = self._network
        if device != self._model.device:  # tensor by tensor: a full device has no room for a second network
            tensors = itertools.chain(placed.named_parameters(), placed.named_buffers())
            placed = with_tensors(placed, {name: tensor.detach().to(device) for name, tensor in tensors})
        self._fast = fast_copy(placed, self._model.anatomy, self._dtype, fold=self._model.foldable)

    def logits(self, images: Tensor) -> Logits:
        """Return float32 logits (n, classes) of uint8 images (n, C, H, W)."""
        parts = []
        start = 0
        while start < len(images):
            try:
                parts.append(self._forward(images[start : start + self._chunk]))
                start += len(parts[-1])
            except torch.OutOfMemoryError:
                self._shrink()
        return np.concatenate(parts)

    @torch.inference_mode()
    def _forward(self, images: Tensor) -> Logits:
        card = self._model.card
        with _compute:
            inputs = prepare(
                images,
                mean=card.mean,
                std=card.std,
                padding=(card.input_size - images.shape[-1]) // 2,
                dtype=self._dtype,
                device=self._device,
            )
            logits: Logits = self._fast(inputs).float().cpu().numpy()
        return logits

    def _shrink(self) -> None:
        if self._device.type == "cpu" and self._chunk <= SMALLEST_CHUNK:
            raise ResourceError(
                "There is not enough memory for a single small batch of images. Close other programs and try again."
            )
        if self._chunk > SMALLEST_CHUNK:
            self._chunk = max(SMALLEST_CHUNK, self._chunk // 4)
            note = f"The device ran out of memory; images are now computed {self._chunk} at a time."
        else:
            self._chunk = CHUNK
            self._place(torch.device("cpu"))
            note = "The device has too little free memory; the processor computes instead, more slowly."
        log.warning(note)
        self.notices.append(note)
