"""Running one network over images: in batches that fit, on one worker thread, whatever the device says."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from orthoui.models.anatomy import Anatomy
from orthoui.models.device import fast_dtype
from orthoui.models.fast import fast_copy
from orthoui.models.room import Room
from orthoui.models.trained import TrainedModel

Logits = NDArray[np.float32]

LARGEST_BATCH = 1_000
SMALLEST_BATCH = 16
LARGEST_MAPS = 1 << 24
"""Most numbers in one layer's maps of a batch: bounds the memory of a forward pass at some tens of megabytes."""

_WORKER = ThreadPoolExecutor(1, thread_name_prefix="predictions")
"""One forward pass at a time, always in the same thread: sessions take turns in the order they asked, instead of
fighting for the same cores, and their threads hold neither scratch memory nor thread pools of their own."""


def batch_size(anatomy: Anatomy) -> int:
    """Return how many images go through a network at once."""
    widest = max((layer.channels * layer.size**2 for layer in anatomy.layers), default=1)
    return min(LARGEST_BATCH, max(SMALLEST_BATCH, LARGEST_MAPS // widest))


class Runner:
    """Runs one network, the model's own or an altered one, over images."""

    def __init__(self, model: TrainedModel, network: nn.Module) -> None:
        self._model = replace(model, network=network)
        self._placed: tuple[TrainedModel, nn.Module] | None = None
        self._room = Room(model.device, batch_size(model.anatomy), SMALLEST_BATCH)

    @property
    def notices(self) -> tuple[str, ...]:
        """What had to give way to a full device, in sentences."""
        return tuple(self._room.notices)

    def logits(self, images: Tensor) -> Logits:
        """Return float32 logits (n, classes) of uint8 images (n, C, H, W). Raises ``ResourceError``."""

        def step(device: torch.device, part: slice) -> Logits:
            return _WORKER.submit(self._forward, device, images[part]).result()

        return np.concatenate(list(self._room.over(len(images), step)))

    @torch.inference_mode()
    def _forward(self, device: torch.device, images: Tensor) -> Logits:
        model, fast = self._fastest(device)
        logits: Logits = fast(model.prepare(images, fast_dtype(device))).float().cpu().numpy()
        return logits

    def _fastest(self, device: torch.device) -> tuple[TrainedModel, nn.Module]:
        if self._placed is None or self._placed[0].device != device:
            model = self._model.on(device)
            fast = fast_copy(model.network, model.anatomy, fast_dtype(device), fold=model.foldable)
            self._placed = model, fast
        return self._placed
