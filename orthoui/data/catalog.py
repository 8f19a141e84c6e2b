"""The data sets there are, by name; each is read once and shared."""

from collections.abc import Callable
from functools import lru_cache

from orthoui.data.imageset import Dataset
from orthoui.registry import Registry

DATASETS: Registry[Callable[[], Dataset]] = Registry("data set")
dataset = DATASETS.add


@lru_cache(maxsize=4)
def load_dataset(name: str) -> Dataset:
    """Return a data set by name, reading it at the first call. Raises ``UnknownNameError``, ``DatasetError``."""
    return DATASETS[name]()
