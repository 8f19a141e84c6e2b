"""Running one network over images: in batches that fit, on one worker thread, whatever the device says."""

import itertools
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from orthoui.data.preprocessing import prepare
from orthoui.errors import ResourceError
from orthoui.models.anatomy import Anatomy
from orthoui.models.device import fast_dtype
from orthoui.models.fast import fast_copy
from orthoui.models.sharing import with_tensors
from orthoui.models.zoo import TrainedModel

Logits = NDArray[np.float32]

LARGEST_BATCH = 1_000
SMALLEST_BATCH = 16
LARGEST_MAPS = 1 << 24
"""Most numbers in one layer's maps of a batch: bounds the memory of a forward pass at some tens of megabytes."""

log = logging.getLogger(__name__)

_WORKER = ThreadPoolExecutor(1, thread_name_prefix="predictions")
"""One forward pass at a time, always in the same thread: sessions take turns in the order they asked, instead of
fighting for the same cores, and their threads hold neither scratch memory nor thread pools of their own."""


def batch_size(anatomy: Anatomy) -> int:
    """Return how many images go through a network at once."""
    widest = max((layer.channels * layer.size**2 for layer in anatomy.layers), default=1)
    return min(LARGEST_BATCH, max(SMALLEST_BATCH, LARGEST_MAPS // widest))


class Runner:
    """Runs one network over chunks; on a full device it retries with smaller ones, then on the processor."""

    def __init__(self, model: TrainedModel, network: nn.Module) -> None:
        self._model = model
        self._network = network
        self._batch = batch_size(model.anatomy)
        self.notices: list[str] = []
        self._place(model.device)

    def _place(self, device: torch.device) -> None:
        self._device = device
        self._dtype = fast_dtype(device)
        placed = self._network
        if device != self._model.device:  # tensor by tensor: a full device has no room for a second network
            tensors = itertools.chain(placed.named_parameters(), placed.named_buffers())
            placed = with_tensors(placed, {name: tensor.detach().to(device) for name, tensor in tensors})
        self._fast = fast_copy(placed, self._model.anatomy, self._dtype, fold=self._model.foldable)

    def logits(self, images: Tensor) -> Logits:
        """Return float32 logits (n, classes) of uint8 images (n, C, H, W)."""
        parts = []
        start = 0
        while start < len(images):
            try:
                parts.append(_WORKER.submit(self._forward, images[start : start + self._batch]).result())
                start += len(parts[-1])
            except torch.OutOfMemoryError:
                self._shrink()
        return np.concatenate(parts)

    @torch.inference_mode()
    def _forward(self, images: Tensor) -> Logits:
        card = self._model.card
        inputs = prepare(
            images,
            mean=card.mean,
            std=card.std,
            padding=(card.input_size - images.shape[-1]) // 2,
            dtype=self._dtype,
            device=self._device,
        )
        logits: Logits = self._fast(inputs).float().cpu().numpy()
        return logits

    def _shrink(self) -> None:
        if self._device.type == "cpu" and self._batch <= SMALLEST_BATCH:
            raise ResourceError(
                "There is not enough memory for a single small batch of images. Close other programs and try again."
            )
        if self._batch > SMALLEST_BATCH:
            self._batch = max(SMALLEST_BATCH, self._batch // 4)
            note = f"The device ran out of memory; images are now computed {self._batch} at a time."
        else:
            self._batch = batch_size(self._model.anatomy)
            self._place(torch.device("cpu"))
            note = "The device has too little free memory; the processor computes instead, more slowly."
        log.warning(note)
        self.notices.append(note)
