"""The orthogonality penalty on convolution filters, and how orthogonal they became."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from orthoui.training.recipe import PenalisedLayers


def penalised_convolutions(network: nn.Module, layers: PenalisedLayers = "all") -> Iterator[nn.Conv2d]:
    """Yield the convolutions that the penalty acts on; linear layers never belong to them."""
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for position, convolution in enumerate(convolutions):
        stem = layers == "no_stem" and position == 0
        pointwise = layers == "no_1x1" and convolution.kernel_size == (1, 1)
        if not stem and not pointwise:
            yield convolution


def layer_penalty(weight: Tensor) -> Tensor:
    """Return ‖W̄W̄ᵀ − I‖_F² for a weight (C_out, C_in, k, k) with one filter per row of W̄.

    The penalty of arXiv 2506.19891, section on orthogonal training. Its gradient is 4(W̄W̄ᵀ − I)W̄. When
    C_out > d = C_in·k² the rows cannot be orthonormal: the smallest possible value is then C_out − d.
    """
    rows = weight.flatten(1).float()
    gram = rows @ rows.T
    gram = gram - torch.eye(len(gram), device=gram.device)
    return gram.square().sum()


def orthogonality_penalty(network: nn.Module, layers: PenalisedLayers = "all") -> Tensor:
    """Return the sum of ``layer_penalty`` over the penalised convolutions, a float32 scalar."""
    terms = [layer_penalty(convolution.weight) for convolution in penalised_convolutions(network, layers)]
    return torch.stack(terms).sum()


def filter_cosine(weight: Tensor) -> float:
    """Return the mean absolute cosine between different filters of a weight (C_out, C_in, k, k); 0 … 1."""
    rows = torch.nn.functional.normalize(weight.detach().flatten(1).double(), dim=1)
    cosines = (rows @ rows.T).abs()
    count = len(cosines)
    if count < 2:
        return 0.0
    return float((cosines.sum() - cosines.diagonal().sum()) / (count * (count - 1)))


def filter_cosines(network: nn.Module) -> dict[str, float]:
    """Return ``filter_cosine`` for every convolution, by layer name."""
    return {
        name: filter_cosine(module.weight)
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    }
