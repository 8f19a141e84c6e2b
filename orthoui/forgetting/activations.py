"""The activation profile: how strongly every channel responds, at its peak, to every class."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from orthoui.forgetting.request import ReadAt
from orthoui.models.anatomy import Anatomy, ConvLayer, hooked
from orthoui.models.sharing import sharing_copy

BATCH = 256
FAST_CHANNELS = 32
"""Channels from which on torch takes maxima quickly in the channels-last layout."""


@dataclass(frozen=True, eq=False)
class ActivationProfile:
    """Class means of the spatial maximum, by layer: float32 (classes, channels)."""

    means: Mapping[str, NDArray[np.float32]]
    classes: int


@torch.inference_mode()
def activation_profile(
    network: nn.Module,
    anatomy: Anatomy,
    batches: Iterator[tuple[Tensor, Tensor]],
    classes: int,
    read_at: ReadAt = "bn",
) -> ActivationProfile:
    """Run the network over ``batches`` of (inputs (N, 3, H, W), labels (N,)) and average peaks per class.

    Equations (11) and (12) of arXiv 2506.19891: ā_k^c = mean over images x of class c of max_ij a_k(x)_ij.
    A layer without batch norm is read at the convolution. The network is not changed; hooks live on a copy.
    """
    copy = sharing_copy(network).eval()
    # summed on the processor: not every device has float64, and adding by index on CUDA is not repeatable
    sums = {layer.name: torch.zeros(classes, layer.channels, dtype=torch.float64) for layer in anatomy.layers}
    counts = torch.zeros(classes, dtype=torch.float64)
    peaks: dict[str, Tensor] = {}
    hooks = {read_point(layer, read_at): peak_hook(layer.name, read_at, peaks) for layer in anatomy.layers}
    with hooked(copy, hooks):
        for inputs, labels in batches:
            copy(inputs)
            labels = labels.cpu()
            counts += torch.bincount(labels, minlength=classes)
            for name, peak in peaks.items():
                sums[name].index_add_(0, labels, peak.cpu().double())
            peaks.clear()
    means = {name: (total / counts.clamp(min=1)[:, None]).float().numpy() for name, total in sums.items()}
    return ActivationProfile(means, classes)


def read_point(layer: ConvLayer, read_at: ReadAt) -> str:
    """Return the module whose output is read for a layer."""
    return layer.name if read_at == "conv" or layer.norm is None else layer.norm


def peak_hook(name: str, read_at: ReadAt, peaks: dict[str, Tensor]) -> Any:
    """Return a forward hook that puts the spatial maximum of every channel, (N, channels), into ``peaks[name]``."""

    def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        peak = spatial_maximum(output)
        if read_at == "relu":  # max ReLU(a) = ReLU(max a), so the rectifier itself need not be found
            peak = peak.clamp(min=0)
        # a layer that runs twice counts with its higher peak
        peaks[name] = torch.maximum(peaks[name], peak) if name in peaks else peak

    return hook


def spatial_maximum(maps: Tensor) -> Tensor:
    """Return the maximum of maps (N, channels, H, W) over all places, (N, channels).

    In the channels-last layout torch reduces fewer than 32 channels fifty times as slowly as 32. There neighbouring
    places are read as if they were further channels, which are then compared with each other.
    """
    count, channels, height, width = maps.shape
    least, area = math.ceil(FAST_CHANNELS / channels), height * width
    if least == 1 or not maps.is_contiguous(memory_format=torch.channels_last):
        return maps.amax(dim=(2, 3))
    places = next((number for number in range(least, 4 * least) if area % number == 0), 1)
    rows = maps.permute(0, 2, 3, 1).reshape(count, area // places, places * channels)
    return rows.amax(1).view(count, places, channels).amax(1)
