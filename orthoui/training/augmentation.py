"""Random shifts, mirror images and blanked squares, computed where the images lie."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orthoui.errors import RequestError
from orthoui.training.recipe import Recipe


def padded(pixels: Tensor, padding: int) -> Tensor:
    """Add ``padding`` black pixels on every side of stored images (N, C, H, W)."""
    return F.pad(pixels, (padding,) * 4)


def augment(
    images: Tensor, recipe: Recipe, generator: torch.Generator, *, crop: int = 0, mirrored: Tensor | None = None
) -> Tensor:
    """Shift every image (N, C, H, W) by up to ``crop_padding`` pixels and mirror half of them, seeded.

    ``crop``: side in pixels of a random part to return instead of the whole image; 0 or a larger side: the whole.
    ``mirrored`` (N,) bool says which images to mirror where that is not drawn at random.
    What a shift uncovers repeats the border. The draw is made on the processor, so that every device sees the
    same images; the pixels stay on their device.
    """
    height, width = images.shape[-2:]
    rows = _places(len(images), height, crop, recipe.crop_padding, generator)
    columns = _places(len(images), width, crop, recipe.crop_padding, generator)
    if recipe.flip:
        if mirrored is None:
            mirrored = torch.rand(len(images), generator=generator) < 0.5
        columns = torch.where(mirrored[:, None], width - 1 - columns, columns)
    return _picked(images, rows.to(images.device), columns.to(images.device))


def _places(count: int, side: int, crop: int, reach: int, generator: torch.Generator) -> Tensor:
    """Return where each line of ``count`` shifted pictures is taken from along a side: (N, ``crop`` or ``side``)."""
    shown = min(crop or side, side)
    first = torch.randint(-reach, side - shown + reach + 1, (count, 1), generator=generator)
    return (torch.arange(shown) + first).clamp(0, side - 1)


def mirrored_first(count: int, seed: int) -> Tensor:
    """Return which of ``count`` images are mirrored in odd epochs, the others being so in even ones: (N,) bool.

    Alternating flip (Jordan 2024, arXiv 2404.00498): any two epochs in a row show an image both ways.
    """
    return torch.rand(count, generator=torch.Generator().manual_seed(seed)) < 0.5


def blanked(count: int, height: int, width: int, side: int, generator: torch.Generator) -> Tensor:
    """Draw a square of ``side`` pixels inside each of ``count`` images: (N, 1, H, W) bool, true inside.

    Cutout (DeVries & Taylor 2017, arXiv 1708.04552), with squares that lie inside the image as a whole.
    """
    rows = _inside(count, height, side, generator)
    columns = _inside(count, width, side, generator)
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def _inside(count: int, length: int, side: int, generator: torch.Generator) -> Tensor:
    side = min(side, length)
    first = torch.randint(0, length - side + 1, (count, 1), generator=generator)
    places = torch.arange(length)
    return (places >= first) & (places < first + side)


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
