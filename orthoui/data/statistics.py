"""Mean and spread of the pixels that a network is trained on."""

import torch

from orthoui.data.imageset import Dataset

PART = 500
"""Images that are counted at a time: few enough to stay in the processor's cache."""
LEVELS = 256

Channels = tuple[float, ...]


def pixel_statistics(data: Dataset) -> tuple[Channels, Channels]:
    """Return mean and standard deviation of the padded training pixels per channel, in units of full brightness.

    Exact, from the count of every brightness: a second for a gigabyte, where floating point takes half a minute.
    """
    images = data["train"].images
    channels = images.shape[1]
    counts = torch.zeros(channels, LEVELS, dtype=torch.int64)
    for start in range(0, len(images), PART):
        part = images[start : start + PART].cpu()
        for channel in range(channels):
            counts[channel] += torch.bincount(part[:, channel].flatten(), minlength=LEVELS)
    share = images.shape[-1] * images.shape[-2] / data.input_size**2  # padding is black
    weights = counts.double() * share / counts.sum(1, keepdim=True)
    brightness = torch.arange(LEVELS, dtype=torch.float64) / (LEVELS - 1)
    mean = weights @ brightness
    spread = (weights @ brightness.square() - mean.square()).sqrt()
    return tuple(round(v, 4) for v in mean.tolist()), tuple(round(v, 4) for v in spread.tolist())
