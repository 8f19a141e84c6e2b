"""Random shifts and mirror images, computed where the images lie."""

import torch
import torch.nn.functional as F
from torch import Tensor

from orthoui.training.recipe import Recipe


def padded(pixels: Tensor, padding: int) -> Tensor:
    """Add ``padding`` black pixels on every side of stored images (N, C, H, W)."""
    return F.pad(pixels, (padding,) * 4)


def augment(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Shift every image (N, C, H, W) by up to ``crop_padding`` pixels and mirror half of them, seeded.

    What a shift uncovers repeats the border. The draw is made on the processor, so that every device sees the
    same images; the pixels stay on their device.
    """
    rows, columns = _places(len(images), images.shape[-2], images.shape[-1], recipe, generator)
    return _picked(images, rows.to(images.device), columns.to(images.device))


def _places(count: int, height: int, width: int, recipe: Recipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return which row and column every pixel is taken from: (N, H) and (N, W)."""
    reach = recipe.crop_padding
    shifts = torch.randint(-reach, reach + 1, (2, count, 1), generator=generator)
    rows = torch.arange(height) + shifts[0]
    columns = torch.arange(width) + shifts[1]
    if recipe.flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, width - 1 - columns, columns)
    return rows.clamp(0, height - 1), columns.clamp(0, width - 1)


def _picked(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    which = torch.arange(len(images), device=images.device)[:, None, None]
    picked = images.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]]
    return picked.permute(0, 3, 1, 2)  # channels-last in memory
