"""Penalty families: the paper's Gram penalty and its relatives SRIP and OCNN, by name."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orthoui.registry import Registry
from orthoui.training.orthogonality import least_layer_penalty, orthogonality_penalty, penalised_convolutions
from orthoui.training.recipe import Recipe

Family = Callable[[nn.Module, Recipe, torch.Generator], Tensor]
PENALTIES: Registry[Family] = Registry("penalty")

SRIP_STEPS = ((0.1, 1.0), (0.25, 1e-3), (0.35, 1e-4), (0.6, 1e-6), (1.0, 0.0))
"""Share of training up to which, and factor by which, SRIP's λ counts: epochs 20, 50, 70 and 120 of its 200."""


def penalty_weight(recipe: Recipe, progress: float) -> float:
    """Return what the penalty is multiplied with when a share ``progress`` of training is done, 0 … 1."""
    if recipe.penalty != "srip":
        return recipe.orthogonality
    return recipe.orthogonality * next(factor for until, factor in SRIP_STEPS if progress < until or until == 1.0)


def least_penalty(network: nn.Module, recipe: Recipe, keep_norm: Sequence[Tensor] = ()) -> float:
    """Return the least that the recipe's penalty can be for a network, whatever its weights are.

    Above 0 where a layer has more filters than can be orthogonal to each other. gram: C_out − C_in·k² per layer, and
    more for weights that ``keep_norm`` (see ``least_layer_penalty``; it is not looked at for the others).
    srip: 0, for it takes the smaller Gram matrix, whose residual can vanish. ocnn: √(C_out − C_in·min(S, k)²) per
    layer of k×k kernels at stride S, and 0 for 1×1 kernels, of which it takes the smaller Gram matrix too. (By
    Parseval the squared distance is the mean over all frequencies of that of a C_out × C_in·min(S, k)² matrix from
    orthonormal rows; single taps with orthonormal columns reach it.)
    """
    if recipe.penalty == "srip":
        return 0.0
    parts = penalised_convolutions(network, recipe.ortho_layers)
    if recipe.penalty == "gram":
        kept = {id(weight) for weight in keep_norm}
        return sum(least_layer_penalty(part.weight, keeps_norm=id(part.weight) in kept) for part in parts)
    return sum(_least_convolutional(part) for part in parts)


def _least_convolutional(convolution: nn.Conv2d) -> float:
    filters, channels, _, size = convolution.weight.shape
    if size == 1:
        return 0.0
    return float(max(0, filters - channels * min(convolution.stride[0], size) ** 2) ** 0.5)


@PENALTIES.add("gram")
def gram(network: nn.Module, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Return Σ‖W̄W̄ᵀ − I‖_F², the paper's penalty (arXiv 2506.19891)."""
    del generator
    return orthogonality_penalty(network, recipe.ortho_layers)


@PENALTIES.add("srip")
def srip(network: nn.Module, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Return Σ‖M v‖² with M = Gram − I and v one power iteration towards M's largest eigenvector.

    Bansal, Chen and Wang, NeurIPS 2018 (arXiv 1810.09102), after the authors' code: the smaller Gram matrix, a
    uniform random start, and the classifier's weight too.
    """
    weights = [part.weight for part in penalised_convolutions(network, recipe.ortho_layers)]
    weights += [module.weight for module in network.modules() if isinstance(module, nn.Linear)]
    return torch.stack([_spectral(weight, generator) for weight in weights]).sum()


def _spectral(weight: Tensor, generator: torch.Generator) -> Tensor:
    rows = weight.flatten(1).float()
    small = rows @ rows.T if rows.shape[0] <= rows.shape[1] else rows.T @ rows
    matrix = small - torch.eye(len(small), device=small.device)
    start = torch.rand(len(small), generator=generator).to(small.device)
    once = matrix @ start
    return (matrix @ F.normalize(once, dim=0)).square().sum()


@PENALTIES.add("ocnn")
def ocnn(network: nn.Module, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Return Σ‖Conv(K, K) − I‖_F: filters are orthogonal also to each other's shifts.

    Wang, Chen, Chakraborty and Yu, CVPR 2020 (arXiv 1911.12207): kernels are convolved with each other, padding
    ⌊(k−1)/S⌋·S; 1×1 kernels in matrix form. The authors leave the stem out as unstable (``ortho_layers="no_stem"``).
    """
    del generator
    terms = [_convolutional(part) for part in penalised_convolutions(network, recipe.ortho_layers)]
    return torch.stack(terms).sum()


def _convolutional(convolution: nn.Conv2d) -> Tensor:
    kernel, stride = convolution.weight.float(), convolution.stride[0]
    reach = (kernel.shape[-1] - 1) // stride * stride
    overlap = F.conv2d(kernel, kernel, stride=stride, padding=reach)  # (C_out, C_out, s, s)
    target = torch.zeros_like(overlap)
    middle = overlap.shape[-1] // 2
    target[:, :, middle, middle] = torch.eye(len(kernel), device=kernel.device)
    # the smaller Gram matrix where there are more filters than dimensions, so that zero can be reached
    if kernel.shape[-1] == 1 and kernel.shape[0] > kernel.shape[1]:
        columns = kernel.flatten(1)
        overlap, target = columns.T @ columns, torch.eye(kernel.shape[1], device=kernel.device)
    distance: Tensor = torch.linalg.vector_norm(overlap - target)
    return distance
