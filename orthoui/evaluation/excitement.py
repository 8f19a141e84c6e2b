"""Which images excite a channel most: peaks of a layer over a whole set of images, remembered."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.data.preprocessing import prepare
from orthoui.evaluation.channels import checked_layer
from orthoui.evaluation.predictions import PredictionMemo
from orthoui.forgetting.activations import read_point
from orthoui.models.anatomy import hooked
from orthoui.models.device import fast_dtype
from orthoui.models.fast import fast_copy
from orthoui.models.zoo import TrainedModel

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
    part, card, dtype = model.anatomy[layer], model.card, fast_dtype(model.device)
    network = fast_copy(model.network, model.anatomy, dtype, fold=model.foldable)
    # Folded into its convolution, a batch norm is an identity: its output is still what is read.
    peaks: list[Tensor] = []
    parts: list[Peaks] = []
    padding = (card.input_size - images.images.shape[-1]) // 2

    def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        peak = output.amax(dim=(2, 3)).float()
        # a layer that runs twice counts with its higher peak
        peaks[:] = [torch.maximum(peaks[0], peak)] if peaks else [peak]

    hooks: dict[str, Any] = {read_point(part, "bn"): keep}
    with hooked(network, hooks):
        for start in range(0, len(images), CHUNK):
            chunk = images.images[start : start + CHUNK]
            network(prepare(chunk, mean=card.mean, std=card.std, padding=padding, dtype=dtype, device=model.device))
            parts.append(peaks.pop().cpu().numpy())
    return np.concatenate(parts)
