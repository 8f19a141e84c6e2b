"""The data sets there are, by name; each is read once and shared."""

import threading
from collections.abc import Callable
from functools import lru_cache

from orthoui.data.imageset import Dataset
from orthoui.registry import Registry

DATASETS: Registry[Callable[[], Dataset]] = Registry("data set")
dataset = DATASETS.add


_first = threading.Lock()
"""Two sessions that come first at once must not read the same images twice."""


def load_dataset(name: str) -> Dataset:
    """Return a data set by name, reading it at the first call. Raises ``UnknownNameError``, ``DatasetError``."""
    with _first:
        return _load(name)


@lru_cache(maxsize=4)
def _load(name: str) -> Dataset:
    return DATASETS[name]()
