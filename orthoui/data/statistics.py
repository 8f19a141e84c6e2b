"""Mean and spread of the pixels that a network is trained on."""

import torch

from orthoui.data.imageset import Dataset

PART = 10_000
"""Images that are converted to floating point at a time."""

Channels = tuple[float, ...]


def pixel_statistics(data: Dataset) -> tuple[Channels, Channels]:
    """Return mean and standard deviation of the padded training pixels per channel, in units of full brightness."""
    images = data["train"].images
    share = images.shape[-1] * images.shape[-2] / data.input_size**2  # padding is black
    sums = torch.zeros(2, images.shape[1], dtype=torch.float64)
    for start in range(0, len(images), PART):
        pixels = images[start : start + PART].double() / 255
        sums += torch.stack([pixels.sum((0, 2, 3)), pixels.square().sum((0, 2, 3))])
    mean, square = sums * share / (images.numel() / images.shape[1])
    spread = (square - mean.square()).sqrt()
    return tuple(round(v, 4) for v in mean.tolist()), tuple(round(v, 4) for v in spread.tolist())
