"""Predictions: logits of a split in chunks, in the device's fastest form, remembered by digest."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from weakref import WeakValueDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.evaluation.runner import Logits, Runner
from orthoui.models.trained import TrainedModel
from orthoui.settings import settings

FIRST_CHUNK = 500
CHUNK = 1_000


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
    cut: str | None = None
    """The part of the network before which the variant is the model itself, see ``orthoui.models.halves``."""

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
        progress = _shared_progress(self, self._key(images), images, order)
        done = 0
        while done < len(images):
            done = progress.beyond(done)
            if done < len(images):
                seen = order[:done].numpy()
                yield Predictions(progress.logits[seen], seen, complete=False, notices=progress.notices)
        self.memo.put(self._key(images), progress.logits)
        yield Predictions(progress.logits, np.arange(len(images)), complete=True, notices=progress.notices)


class _Progress:
    """A prediction under way. Sessions that ask for the same one advance it together and share each chunk."""

    def __init__(self, predictor: Predictor, images: ImageSet, order: Tensor) -> None:
        self._runner = Runner(predictor.model, predictor.make(), images, predictor.cut)
        self._order = order
        self._done = 0
        self._lock = threading.Lock()
        self.logits: Logits = np.empty((len(images), len(predictor.model.card.classes)), dtype=np.float32)

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know about how it is computed."""
        return self._runner.notices

    def beyond(self, seen: int) -> int:
        """Return how many images are done, more than ``seen``; computes a chunk unless another session did."""
        with self._lock:
            if self._done <= seen:
                size = FIRST_CHUNK if self._done == 0 else CHUNK
                positions = self._order[self._done : self._done + size]
                self.logits[positions.numpy()] = self._runner.logits(positions)
                self._done += len(positions)
            return self._done


_under_way: WeakValueDictionary[tuple[object, ...], _Progress] = WeakValueDictionary()
_under_way_lock = threading.Lock()


def _shared_progress(predictor: Predictor, key: tuple[str, ...], images: ImageSet, order: Tensor) -> _Progress:
    """Return the progress of this prediction; it is forgotten when the last session that watches it moves on."""
    full_key = (id(predictor.memo), *key, hash(order.numpy().tobytes()))
    with _under_way_lock:
        progress = _under_way.get(full_key)
        if progress is None:
            progress = _under_way[full_key] = _Progress(predictor, images, order)
        return progress
