"""Grad-CAM: where in an image a network sees evidence for a class."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from orthoui.models.room import Room

Maps = NDArray[np.float32]

BATCH = 32


@dataclass(frozen=True, eq=False)
class Heatmaps:
    """What one network makes of N images.

    ``maps`` is (N, H, W) over the network's input, 0 … 1, each with its own highest value at 1; all zero where
    nothing in the image speaks for the class. ``logits`` is (N, classes), of the same forward pass.
    """

    maps: Maps
    logits: NDArray[np.float32]
    notices: tuple[str, ...] = ()


def grad_cam(network: nn.Module, layer: str, inputs: Tensor, targets: Sequence[int]) -> Heatmaps:
    """Explain class ``targets[i]`` in ``inputs[i]``, (N, 3, H, W), by the output of the module ``layer``.

    Grad-CAM (Selvaraju et al., ICCV 2017): the layer's maps, each weighted with the mean gradient of the class's
    logit, added up, negative values dropped, stretched to 0 … 1 and to the input's size. Computed in float32 on
    a private copy: the given network is not touched. Out of memory, batches shrink, then the processor takes over.
    Not for: comparing how strong the evidence is, because every map is stretched on its own.
    """
    if len(inputs) != len(targets) or not len(inputs):
        raise ValueError(f"{len(targets)} classes do not fit {len(inputs)} images.")
    private = copy.deepcopy(network).float().eval().requires_grad_(False)
    room = Room(inputs.device, BATCH)

    def step(device: torch.device, part: slice) -> tuple[Maps, Maps]:
        return _explained(private.to(device), layer, inputs[part].to(device), targets[part])

    maps, logits = (np.concatenate(arrays) for arrays in zip(*room.over(len(inputs), step), strict=True))
    return Heatmaps(maps, logits, tuple(room.notices))


def _explained(private: nn.Module, layer: str, inputs: Tensor, targets: Sequence[int]) -> tuple[Maps, Maps]:
    # The library keeps the layer's output itself, which a later in-place addition or rectifier would overwrite:
    # the clone keeps it as it was.
    cam = GradCAM(private, [private.get_submodule(layer)], reshape_transform=torch.clone)
    # Released by hand: the library's own context manager prints and swallows an IndexError.
    try:
        with torch.enable_grad():
            watched = inputs.detach().float().requires_grad_()  # so that no weight needs a gradient
            maps = cam(watched, targets=[ClassifierOutputTarget(target) for target in targets])
        return np.asarray(maps, dtype=np.float32), cam.outputs.detach().float().cpu().numpy()
    finally:
        cam.activations_and_grads.release()
