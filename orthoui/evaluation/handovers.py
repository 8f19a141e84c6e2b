"""What the first half of a network makes of a set of images, kept for all that differ in the second half only."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from orthoui.models.room import out_of_memory
from orthoui.settings import settings

Key = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Kept:
    maps: Tensor
    known: Tensor
    """Which images' maps are there, bool (N,)."""

    def put(self, positions: Tensor, maps: Tensor) -> None:
        """Keep the maps (n, …) of the images at ``positions`` (n,)."""
        self.maps[positions] = maps
        self.known[positions] = True


class Handovers:
    """Maps by network and images, least recently used out first; bounded in bytes. For one thread."""

    def __init__(self, megabytes: int) -> None:
        self._limit = megabytes * 1_000_000
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()

    def get(self, key: Key, count: int, positions: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the maps (n, …) of the images at ``positions`` (n,) of ``count``.

        ``compute`` is called with the positions (m,) of those that are not known yet, and returns their maps (m, …).
        """
        kept = self._kept.get(key)
        if kept is None:
            fresh = compute(positions)
            kept = self._room_for(key, count, fresh)
            if kept is not None:
                kept.put(positions, fresh)
            return fresh
        self._kept.move_to_end(key)
        missing = positions[~kept.known[positions]]
        if len(missing):
            kept.put(missing, compute(missing))
        return kept.maps[positions].contiguous(memory_format=_layout(kept.maps))

    def _room_for(self, key: Key, count: int, some: Tensor) -> _Kept | None:
        needed = count * some[0].nbytes
        if needed > self._limit:
            return None
        while sum(kept.maps.nbytes for kept in self._kept.values()) + needed > self._limit:
            self._kept.popitem(last=False)
        try:
            maps = torch.empty((count, *some.shape[1:]), dtype=some.dtype, memory_format=_layout(some))
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            return None  # slower, but it answers
        self._kept[key] = _Kept(maps, torch.zeros(count, dtype=torch.bool))
        return self._kept[key]


def _layout(maps: Tensor) -> torch.memory_format:
    return torch.channels_last if maps.ndim == 4 else torch.contiguous_format


@lru_cache(maxsize=1)
def handovers() -> Handovers:
    """Return those of this process."""
    return Handovers(settings().maps_mb)
