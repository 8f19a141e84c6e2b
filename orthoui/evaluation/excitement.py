"""Which images excite a channel most: peaks of a layer over a whole set of images, remembered."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from orthoui.data import ImageSet
from orthoui.evaluation.channels import checked_layer
from orthoui.evaluation.predictions import PredictionMemo
from orthoui.forgetting.activations import peak_hook, read_point
from orthoui.models.anatomy import hooked
from orthoui.models.device import fast_dtype
from orthoui.models.fast import fast_copy
from orthoui.models.room import Room
from orthoui.models.trained import TrainedModel

Peaks = NDArray[np.float32]

CHUNK = 500
MEMO_MB = 48


@lru_cache(maxsize=1)
def peaks_memo() -> PredictionMemo:
    """Return the memo of peaks of this process: arrays (images, channels), least recently used out first."""
    return PredictionMemo(MEMO_MB)


def strongest_images(
    model: TrainedModel, images: ImageSet, layer: str, channel: int, n: int = 10
) -> tuple[NDArray[np.int64], Peaks]:
    """Return positions (n,) and peaks (n,) of the images that excite a channel most, strongest first.

    A peak is the spatial maximum behind the batch norm of the model as it was trained, in the device's fast
    precision. Meant for the calibration split, which was never trained on.
    """
    part = checked_layer(model, layer, channel)
    peaks = layer_peaks(model, images, part.name)[:, channel]
    order = np.argsort(-peaks, kind="stable")[:n]
    return order, peaks[order]


def layer_peaks(model: TrainedModel, images: ImageSet, layer: str) -> Peaks:
    """Return the peak of every channel for every image, float32 (N, channels); computed once per layer."""
    key = (model.digest, layer, images.digest)
    known = peaks_memo().get(key)
    if known is None:
        known = _measured(model, images, layer)
        peaks_memo().put(key, known)
    return known


@torch.inference_mode()
def _measured(model: TrainedModel, images: ImageSet, layer: str) -> Peaks:
    point = read_point(model.anatomy[layer], "bn")

    def step(device: torch.device, part: slice) -> Peaks:
        placed, dtype = model.on(device), fast_dtype(device)
        # Folded into its convolution, a batch norm is an identity: its output is still what is read.
        network = fast_copy(placed.network, model.anatomy, dtype, fold=model.foldable)
        peaks: dict[str, Tensor] = {}
        with hooked(network, {point: peak_hook(layer, "bn", peaks)}):
            network(placed.prepare(images.images[part], dtype))
        return peaks[layer].float().cpu().numpy()

    return np.concatenate(list(Room(model.device, CHUNK).over(len(images), step)))
