"""Random shifts and mirror images, computed where the images lie."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orthoui.errors import RequestError
from orthoui.training.recipe import Recipe


def padded(pixels: Tensor, padding: int) -> Tensor:
    """Add ``padding`` black pixels on every side of stored images (N, C, H, W)."""
    return F.pad(pixels, (padding,) * 4)


def augment(images: Tensor, recipe: Recipe, generator: torch.Generator, *, crop: int = 0) -> Tensor:
    """Shift every image (N, C, H, W) by up to ``crop_padding`` pixels and mirror half of them, seeded.

    ``crop``: side in pixels of a random part to return instead of the whole image; 0 or a larger side: the whole.
    What a shift uncovers repeats the border. The draw is made on the processor, so that every device sees the
    same images; the pixels stay on their device.
    """
    height, width = images.shape[-2:]
    rows = _places(len(images), height, crop, recipe.crop_padding, generator)
    columns = _places(len(images), width, crop, recipe.crop_padding, generator)
    if recipe.flip:
        mirrored = torch.rand(len(images), 1, generator=generator) < 0.5
        columns = torch.where(mirrored, width - 1 - columns, columns)
    return _picked(images, rows.to(images.device), columns.to(images.device))


def _places(count: int, side: int, crop: int, reach: int, generator: torch.Generator) -> Tensor:
    """Return where each line of ``count`` shifted pictures is taken from along a side: (N, ``crop`` or ``side``)."""
    shown = min(crop or side, side)
    first = torch.randint(-reach, side - shown + reach + 1, (count, 1), generator=generator)
    return (torch.arange(shown) + first).clamp(0, side - 1)


def _picked(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    which = torch.arange(len(images), device=images.device)[:, None, None]
    picked = images.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]]
    return picked.permute(0, 3, 1, 2)  # channels-last in memory


def refuse_vanishing(network: nn.Module, recipe: Recipe, side: int) -> None:
    """Raise ``RequestError`` if nothing is left of the recipe's small crops after the network's pooling."""
    if recipe.small_crop >= side:
        raise RequestError(
            f"Crops of {recipe.small_crop} pixels are not smaller than the images, which have {side}. "
            "Choose smaller ones, or 0 for whole images."
        )
    try:
        network.eval()(torch.zeros(1, 3, recipe.small_crop, recipe.small_crop))
    except RuntimeError as error:
        raise RequestError(
            f"{recipe.architecture} cannot be shown crops of {recipe.small_crop} pixels: {error} "
            "Choose larger ones, or 0 for whole images."
        ) from error
