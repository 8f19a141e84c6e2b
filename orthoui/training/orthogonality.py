"""The orthogonality penalty on convolution filters, and how orthogonal they became."""

from collections.abc import Iterator
from typing import Any

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

    The penalty of arXiv 2506.19891, section on orthogonal training. When C_out > d = C_in·k² the rows cannot be
    orthonormal: the smallest possible value is then C_out − d. Computed in float32 whatever the weight's type.
    """
    penalty: Tensor = _GramPenalty.apply(weight)
    return penalty


class _GramPenalty(torch.autograd.Function):
    """The penalty with its gradient 4(W̄W̄ᵀ − I)W̄ written out: a third less work than by automatic differentiation."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor) -> Tensor:
        rows = weight.flatten(1)
        rows = rows if rows.dtype == torch.float64 else rows.float()
        residual = rows @ rows.T
        residual.diagonal().sub_(1)
        ctx.save_for_backward(rows, residual)
        ctx.like = weight
        return residual.square().sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        rows, residual = ctx.saved_tensors
        found: Tensor = (residual @ rows) * (4 * gradient)
        return found.view(ctx.like.shape).to(ctx.like.dtype)


def least_layer_penalty(weight: Tensor, *, keeps_norm: bool = False) -> float:
    """Return the least that ``layer_penalty`` of such a weight (C_out, C_in, k, k) can be: M = C_out − C_in·k², or 0.

    ``keeps_norm``: the weight keeps the norm √C_out, as with Muon. Then its C_in·k² squared singular values cannot
    all be 1, but are all C_out / C_in·k² at best, and the least is M + M² / C_in·k².
    """
    dimensions = weight[0].numel()
    more = max(0, len(weight) - dimensions)
    return more + more**2 / dimensions if keeps_norm else float(more)


def orthogonality_penalty(network: nn.Module, layers: PenalisedLayers = "all") -> Tensor:
    """Return the sum of ``layer_penalty`` over the penalised convolutions, a float32 scalar."""
    terms = [layer_penalty(convolution.weight) for convolution in penalised_convolutions(network, layers)]
    return torch.stack(terms).sum()


def filter_cosine(weight: Tensor) -> float:
    """Return the mean absolute cosine between different filters of a weight (C_out, C_in, k, k); 0 … 1."""
    on_processor = weight.detach().flatten(1).cpu()  # Apple's GPUs have no float64
    rows = torch.nn.functional.normalize(on_processor.double(), dim=1)
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
