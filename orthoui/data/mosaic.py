"""A split stored as one lossless PNG that anyone can look at: bands of small images, one band per class."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from orthoui.data.imageset import ImageSet
from orthoui.errors import DatasetError

COLUMNS = 100
MAX_PIXELS = 60_000_000


def write_mosaic(path: Path, images: ImageSet) -> None:
    """Write grey images as a mosaic of ``COLUMNS`` tiles a row, sorted by class; equal counts per class."""
    order = torch.argsort(images.labels, stable=True)
    tiles = images.images[order, 0].numpy()
    count, height, width = tiles.shape
    if count % COLUMNS:
        raise DatasetError(f"A mosaic has {COLUMNS} images a row; {count} images do not fill whole rows.")
    rows = tiles.reshape(count // COLUMNS, COLUMNS, height, width).transpose(0, 2, 1, 3)
    Image.fromarray(rows.reshape(-1, COLUMNS * width)).save(path, "PNG", optimize=True)


def read_mosaic(path: Path, side: int, classes: int) -> ImageSet:
    """Read a mosaic back: ``classes`` bands of equal height, tiles of ``side`` pixels.

    Raises ``DatasetError`` when the file is missing, damaged or of another shape.
    """
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS or picture.mode != "L":
                raise DatasetError(f"{path.name} is not a grey mosaic of at most {MAX_PIXELS:,} pixels.")
            pixels = np.asarray(picture)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error}). Restore it from the repository.") from error
    rows, rest = divmod(pixels.shape[0], side)
    count = rows * COLUMNS
    if rest or pixels.shape[1] != COLUMNS * side or count % classes:
        raise DatasetError(f"{path.name} has the wrong size for {classes} classes of {side}×{side} images.")
    tiles = pixels.reshape(rows, side, COLUMNS, side).transpose(0, 2, 1, 3).reshape(count, 1, side, side)
    labels = torch.arange(classes).repeat_interleave(count // classes)
    return ImageSet(torch.from_numpy(np.ascontiguousarray(tiles)), labels)
