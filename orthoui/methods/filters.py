"""Scaling whole filters of a private network, and keeping them so while it is trained on."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from orthoui.models.anatomy import Anatomy, ConvLayer

Chosen = Mapping[str, Tensor]
"""Channel numbers, int64 (n,), by layer name."""


@torch.no_grad()
def scale_filters(network: nn.Module, anatomy: Anatomy, chosen: Chosen, keep: float, *, norms: bool) -> None:
    """Multiply the chosen filters and their biases by ``keep``, in place; ``norms``: also γ and β behind them.

    A filter of zeros before a batch norm still emits β − γμ/√(v + ε) in evaluation mode; with γ = β = 0 it is
    silent in both modes. Not for: shared networks (it writes into tensors).
    """
    for name, channels in chosen.items():
        for tensor in filter_tensors(network, anatomy[name], norms=norms):
            tensor[channels.to(tensor.device)] *= keep


def filter_tensors(network: nn.Module, layer: ConvLayer, *, norms: bool) -> list[Tensor]:
    """Return the tensors whose first dimension is the layer's channels: weight, bias and, if asked, γ and β."""
    parts = [network.get_submodule(layer.name)]
    if norms and layer.norm is not None:
        parts.append(network.get_submodule(layer.norm))
    tensors = [getattr(part, name) for part in parts for name in ("weight", "bias")]
    return [tensor for tensor in tensors if tensor is not None]


def how_many(count: int, ratio: float) -> int:
    """Return how many of ``count`` channels a ratio takes, rounded to the nearest."""
    return round(count * ratio)
