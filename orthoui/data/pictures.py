"""All pictures of a source as one block of bytes: decoded in parallel, each usable or refused with the reason."""

import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from orthoui.data.sources import Found, Source
from orthoui.data.sources.found import MOST_BYTES, Pixels
from orthoui.data.uploads import DAMAGE, FORMATS, read_upload
from orthoui.errors import ImageError

SIDES = (32, 64, 128, 224)
BATCH = 64
"""Pictures in memory at the same time."""
MOST_WORKERS = 8
"""Threads that decode; each may need 100 MB for a large photograph."""
SAMPLE = 2_000
"""Pictures whose size is looked at, where a sample can be had."""

Report = Callable[[str, float], object]
"""Told what is being done, and how much of it is (0 … 1). An exception it raises stops the work."""


def silent(doing: str, share: float) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Pool:
    """Decoded pictures in a file, (N, 3, side, side) bytes; ``paths`` names each, ``refused`` says why not."""

    file: Path
    side: int
    paths: tuple[str, ...]
    refused: dict[str, str]

    def rows(self) -> Pixels:
        """Return the pictures, mapped from disk, (N, 3, side, side)."""
        return np.memmap(self.file, np.uint8, "r", shape=(len(self.paths), 3, self.side, self.side))


def fill(source: Source, side: int, file: Path, report: Report = silent) -> Pool:
    """Decode every picture of a source into ``file``. Raises ``DatasetError``, and ``OSError`` on a full disk.

    Pictures are cut to their middle square and resized with antialiasing; every colour mode becomes RGB.
    """
    paths: list[str] = []
    refused: dict[str, str] = {}
    workers_wanted = min(MOST_WORKERS, os.cpu_count() or 1)
    with file.open("wb") as pool, ThreadPoolExecutor(workers_wanted) as workers:
        files = source.files()
        while batch := list(islice(files, BATCH)):
            for found, result in zip(batch, workers.map(lambda found: _pixels(found, side), batch), strict=True):
                if isinstance(result, str):
                    refused[found.path] = result
                else:
                    paths.append(found.path)
                    pool.write(result.tobytes())
            report(f"Reading images: {len(paths):,}", batch[-1].share)
    return Pool(file, side, tuple(paths), refused)


def fitting_side(source: Source) -> int:
    """Return the side of ``SIDES`` that is nearest, as a ratio, to the median of the pictures' shorter sides."""
    sides = [side for found in source.files(SAMPLE) if (side := _shorter_side(found)) is not None]
    typical = median(sides) if sides else SIDES[0]
    return min(SIDES, key=lambda side: max(side / typical, typical / side))


def _pixels(found: Found, side: int) -> Pixels | str:
    if not isinstance(found.content, bytes):
        return found.problem if found.content is None else found.content
    try:
        return read_upload(found.content, side=side, grey=False, most_bytes=MOST_BYTES).numpy()
    except ImageError as error:
        return str(error).split(". ")[0].rstrip(".").removeprefix("This ")


def _shorter_side(found: Found) -> int | None:
    if not isinstance(found.content, bytes):
        return None
    try:
        with Image.open(io.BytesIO(found.content), formats=FORMATS) as picture:
            return min(picture.size)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, *DAMAGE):
        return None
