"""The data sets there are, by name: embedded ones, those in the data folder, and those that can be downloaded."""

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from orthoui.data import store
from orthoui.data.download import by_hand, download
from orthoui.data.finding import find_sources
from orthoui.data.imageset import Dataset
from orthoui.data.known import KNOWN
from orthoui.data.pictures import Report, silent
from orthoui.errors import DamagedError, DatasetError, UnknownNameError
from orthoui.registry import Registry
from orthoui.settings import settings

DATASETS: Registry[Callable[[], Dataset]] = Registry("data set")
"""Data sets that need no file of the data folder."""
dataset = DATASETS.add

LOOKS = 20
"""So many times as long as a look at the files took passes until the next: at 50,000 files it takes half a second."""

_guard = threading.Lock()
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""Two sessions that come first at once must not read the same images twice; other data sets need not wait."""


@dataclass
class _Held:
    """The newest version of a data set, and when to look next whether its files are still the same."""

    data: Dataset | None = None
    fingerprint: str = ""
    next_look: float = math.inf
    """By the monotonic clock, seconds; embedded images do not change."""


def load_dataset(name: str, report: Report = silent) -> Dataset:
    """Return a data set by name, decoding its images when that was never done, and once for all sessions.

    ``report`` is told how far decoding is. A data set stays as it was loaded until its files change; whether they
    did is looked at again when ``LOOKS`` times as long has gone by as the look before took.
    Raises ``UnknownNameError`` for a name that is nowhere, ``DatasetError`` for images that are not on this
    machine (it says how to get them), damaged, or too few.
    """
    with _guard:
        lock = _locks[name]
    with lock:
        held = _load(name, settings().data_folder, settings().cache_folder)
        if held.data is None or time.monotonic() >= held.next_look:
            held.data = DATASETS[name]() if name in DATASETS else _current(name, held, report)
        return held.data


@lru_cache(maxsize=8)
def _load(name: str, folder: Path, cache: Path) -> _Held:  # noqa: ARG001  they are the key
    return _Held()


def _current(name: str, held: _Held, report: Report) -> Dataset:
    """Look at the files of a data set, and read them if they are not those of the version held."""
    started, sources = time.monotonic(), find_sources(settings().data_folder)
    if name not in sources:
        raise missing(name)
    source = sources[name]
    fingerprint = f"{source.path} {source.fingerprint()}"
    took = time.monotonic() - started
    data = held.data if held.fingerprint == fingerprint else None
    if data is None:
        known = KNOWN.get(name)
        title = known.title if known else name
        about, splits = store.decoded(source, title, known.side if known else None, report)
        data = Dataset(
            name=name,
            title=title,
            classes=about.classes,
            splits=splits,
            source=about.source,
            test_drawn=about.test_drawn,
        )
    held.fingerprint, held.next_look = fingerprint, time.monotonic() + LOOKS * took
    return data


def missing(name: str) -> DatasetError | UnknownNameError:
    """Return the error for a data set that is not on this machine."""
    if name in KNOWN:
        return DatasetError(f"The images of {KNOWN[name].title} are not on this machine. {how_to_get(name)}")
    return UnknownNameError("data set", name, dataset_names(), _fetchable_words())


def dataset_names() -> list[str]:
    """Return the names of the data sets that are on this machine."""
    return [*DATASETS, *(name for name in find_sources(settings().data_folder) if name not in DATASETS)]


def dataset_title(name: str) -> str:
    """Return the name of a data set that a person reads, also where its images are not on this machine."""
    if name in KNOWN:
        return KNOWN[name].title
    return load_dataset(name).title if name in DATASETS else name


def is_fetchable(name: str) -> bool:
    """Whether a data set is not on this machine and can be downloaded by name."""
    return name in KNOWN and name not in dataset_names()


def fetch_dataset(name: str, report: Report = silent) -> Dataset:
    """Download a data set unless it is there undamaged, decode it, and return it as its files are now.

    Raises as ``load_dataset`` does, and for damaged files that a download cannot replace.
    """
    if name not in dataset_names():
        if name not in KNOWN:
            raise UnknownNameError("data set to get", name, KNOWN)
        download(KNOWN[name].remote, settings().data_folder, report)
    if name not in DATASETS:  # asked for by a person, who may just have changed its files
        _load(name, settings().data_folder, settings().cache_folder).next_look = 0.0
    try:
        return load_dataset(name, report)
    except DamagedError as error:
        if name not in KNOWN:
            raise
        _download_again(name, error, report)
    return load_dataset(name, report)


def _download_again(name: str, damage: DamagedError, report: Report) -> None:
    """Download what is damaged, in place of an earlier download of it or beside a folder that is not used then.

    Raises ``DatasetError`` where other files are in the way: they are a person's own, and never deleted.
    """
    folder, remote = settings().data_folder, KNOWN[name].remote
    source = find_sources(folder)[name]
    if source.path != folder / remote.file and not source.lacks():
        raise DatasetError(
            f"{damage} Or move {source.path} away (no file of yours is deleted here) and say “orthoui datasets get "
            f"{name}” again: {KNOWN[name].title} is then downloaded ({remote.size / 1e6:.0f} MB)."
        ) from damage
    download(remote, folder, report, doubted=True)


def how_to_get(name: str) -> str:
    """Return the sentences that say how the images of a data set come onto this machine."""
    folder = settings().data_folder
    own = f"{folder / name} with train/CLASS/… and test/CLASS/…"
    if name in KNOWN:
        remote = KNOWN[name].remote
        fetch = f"Get them with “orthoui datasets get {name}” ({remote.size / 1e6:.0f} MB)."
        return f"{fetch} {by_hand(remote, folder)} A folder {own} does as well, also inside {name}.tar.zst."
    return f"Put them into a folder {own}, or that tree as {name}.tar.zst into {folder}."


def _fetchable_words() -> str:
    names = [name for name in KNOWN if name not in dataset_names()]
    get = f"“orthoui datasets get NAME” downloads {', '.join(names)}. " if names else ""
    return f"{get}Your own images go into {settings().data_folder / 'NAME'}, one folder per class."
