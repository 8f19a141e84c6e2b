"""The images of one split as a ``.npy`` file: written in parts, checked cheaply, mapped and never read as a whole."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from orthoui.data.imageset import ImageSet, digest_of
from orthoui.data.sources.found import Pixels

PART = 2_048
"""Images written at a time."""
SPOTS, SPOT = 64, 4_096
"""Places of a file that are always compared, and bytes of each."""


class ArrayFile(BaseModel):
    """What is known about the file of one split; the images lie class by class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    counts: tuple[int, ...]
    side: int
    digest: str
    size: int
    mtime_ns: int
    spots: str

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the array: (N, 3, side, side)."""
        return sum(self.counts), 3, self.side, self.side

    @property
    def labels(self) -> torch.Tensor:
        """Labels of the images, int64 (N,)."""
        return torch.arange(len(self.counts)).repeat_interleave(torch.tensor(self.counts))


def write_array(path: Path, pool: Pixels, rows: Sequence[int], counts: tuple[int, ...]) -> ArrayFile:
    """Write ``rows`` of ``pool``, sorted by class with ``counts`` of each. Raises ``OSError`` on a full disk.

    Plain writes and not a writable map: those kill the process when the disk is full.
    """
    about = ArrayFile(counts=counts, side=pool.shape[-1], digest="", size=0, mtime_ns=0, spots="")
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": about.shape}
        np.lib.format.write_array_header_1_0(file, header)

        def written() -> Iterator[memoryview]:
            for start in range(0, len(rows), PART):
                part = np.ascontiguousarray(pool[list(rows[start : start + PART])]).reshape(-1).data
                file.write(part)
                yield part

        digest = digest_of(about.shape, written(), about.labels)
    state = path.stat()
    return about.model_copy(
        update={"digest": digest, "size": state.st_size, "mtime_ns": state.st_mtime_ns, "spots": spot_digest(path)}
    )


def map_array(path: Path, about: ArrayFile) -> ImageSet | None:
    """Return the images mapped from disk, or None when the file is not what it was.

    Size and some places are always compared. Everything is, when the file was touched since: what is copied
    with a home folder is sound, and an altered image must not pass.
    """
    try:
        state = path.stat()
        if state.st_size != about.size or spot_digest(path) != about.spots:
            return None
        mapped = np.load(path, mmap_mode="c", allow_pickle=False)  # private: nobody can write into the file
    except (OSError, ValueError, EOFError):
        return None
    if mapped.shape != about.shape or mapped.dtype != np.uint8:
        return None
    images = ImageSet(torch.from_numpy(mapped), about.labels, about.digest)
    if state.st_mtime_ns != about.mtime_ns:
        if ImageSet(images.images, images.labels).digest != about.digest:
            return None
        with suppress(OSError):  # where nothing may be written, it is checked again the next time
            os.utime(path, ns=(state.st_atime_ns, about.mtime_ns))
    return images


def spot_digest(path: Path) -> str:
    """Return SHA-256 (16 hex digits) of blocks spread evenly over a file, the first and the last among them."""
    sha, size = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as file:
        for place in range(SPOTS):
            file.seek(place * max(0, size - SPOT) // (SPOTS - 1))
            sha.update(file.read(SPOT))
    return sha.hexdigest()[:16]
