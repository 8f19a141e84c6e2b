"""What every source of images has in common: its files come one by one, the unusable ones with the reason."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from orthoui.data.uploads import SUFFIXES
from orthoui.errors import DamagedError

MOST_BYTES = 25_000_000
"""A larger picture file is refused before it is read."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Found:
    """One file of a source.

    ``path`` is its place inside, with forward slashes. ``content`` is the encoded picture, or its pixels (3, H, W)
    where the source stores them plainly; None where ``problem`` says why the file is not used. ``share`` (0 … 1)
    is how far through the source it lies.
    """

    path: str
    content: bytes | Pixels | None
    share: float
    problem: str = ""


class Source(ABC):
    """A folder or an archive that holds the images of one data set."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name

    @abstractmethod
    def files(self, at_most: int | None = None) -> Iterator[Found]:
        """Yield every file, always in the same order; raises ``DatasetError`` when the source itself is damaged.

        ``at_most`` asks for about that many, spread evenly, where that saves time.
        """

    def fingerprint(self) -> str:
        """Return 16 hex digits that change when the source does, without reading it; raises ``DatasetError``."""
        names = self._names_beside()
        lines = [*self.traits(), _trait(names) if names.is_file() else ""]
        return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:16]

    def class_names(self) -> dict[str, str]:
        """Return readable names by the name of the class folder: from the file ``NAME_classes.txt`` beside it.

        Each line holds a folder's name, a tab or blanks, and names of the class; the first of them is taken.
        """
        listed = self._names_beside()
        return names_in(listed.read_text(encoding="utf-8", errors="replace")) if listed.is_file() else {}

    def _names_beside(self) -> Path:
        return self.path.parent / f"{self.name}_classes.txt"

    def traits(self) -> list[str]:
        """Return lines that change when the source does."""
        try:
            return [_trait(self.path)]
        except OSError as error:
            raise unreadable(self.path, error) from error

    def lacks(self) -> str:
        """Return the name of a file without which it cannot be read; empty where none is missing. Reads nothing."""
        return ""

    def size(self) -> int:
        """Return the bytes the source takes on disk."""
        return self.path.stat().st_size


def _trait(path: Path) -> str:
    about = path.stat()
    return f"{path.name} {about.st_size} {about.st_mtime_ns}"


def names_in(text: str) -> dict[str, str]:
    """Read lines of “folder  name, other name”, as ImageNet's word lists have them.

    >>> names_in("n01443537\\tgoldfish, Carassius auratus")
    {'n01443537': 'goldfish'}
    """
    parts = (line.split("\t" if "\t" in line else None, maxsplit=1) for line in text.splitlines())
    return {found[0]: found[1].split(",")[0].strip() for found in parts if len(found) == 2}


def is_hidden(path: str) -> bool:
    """Whether a path inside a source belongs to the system that made it and not to the data set."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(path).parts)


def refusal(path: str, size: int) -> str:
    """Return why a file of that name and size cannot be an image of the data set; empty when it can."""
    if is_hidden(path):
        return "a hidden file"
    if PurePosixPath(path).suffix.lower().lstrip(".") not in SUFFIXES:
        return "not a picture by its name"
    if size > MOST_BYTES:
        return f"{size / 1e6:.0f} MB; at most {MOST_BYTES // 1_000_000} MB are allowed"
    return ""


def unreadable(path: Path, error: Exception) -> DamagedError:
    """Return the error for a source that cannot be read as a whole."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return DamagedError(f"{path} cannot be read ({reason}). Copy or download it again.")
