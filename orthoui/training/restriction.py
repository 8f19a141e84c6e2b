"""Gradient restriction: training that keeps the gradient small, so that one step of IAU later stays a small one.

Beside Fabric's backward pass, which refuses gradients of gradients in mixed precision, and DDP's, which has none.
"""

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from orthoui.training.parallel import mean_over_processes
from orthoui.training.recipe import Recipe


def plain_forward(network: nn.Module, inputs: Tensor, fabric: Fabric) -> Tensor:
    """Return the logits (N, classes) in the precision of the training, in the number format of the weights."""
    dtype = next(network.parameters()).dtype
    with fabric.autocast(), sdpa_kernel(SDPBackend.MATH):  # faster kinds of attention have no second gradient
        logits: Tensor = network(inputs.to(dtype))
    return logits.to(dtype)


def gradient_norms(loss: Tensor, network: nn.Module, fabric: Fabric) -> Tensor:
    """Return Σ ‖∂L/∂θ‖₂ over the parameter tensors θ that are trained, of the mean loss over all processes; scalar.

    Differentiable, so that training can lower it: a step costs two backward passes, one through the other. As in the
    code of Liu et al. (ICCV 2025, arXiv 2507.23257), whose paper has the norm of all of them together.
    """
    slopes = torch.autograd.grad(loss, _trained(network), create_graph=True, materialize_grads=True)
    return torch.stack([torch.linalg.vector_norm(part) for part in _averaged(slopes, fabric)]).sum()


def restricted_backward(loss: Tensor, penalty: Tensor, recipe: Recipe, network: nn.Module, fabric: Fabric) -> None:
    """Give every trained parameter the gradient of loss + penalty + α·Σ‖∇loss‖, the mean over all processes."""
    parameters = _trained(network)
    norms = gradient_norms(loss, network, fabric)
    total = loss + penalty + recipe.gradient_restriction * norms
    slopes = torch.autograd.grad(total, parameters, materialize_grads=True)
    for part, slope in zip(parameters, _averaged(slopes, fabric), strict=True):
        part.grad = slope


def _trained(network: nn.Module) -> list[nn.Parameter]:
    return [part for part in network.parameters() if part.requires_grad]


def _averaged(slopes: tuple[Tensor, ...], fabric: Fabric) -> list[Tensor]:
    """Return the means over all processes, which exchange all tensors at once."""
    if fabric.world_size == 1:
        return list(slopes)
    joined = mean_over_processes(torch.cat([slope.flatten() for slope in slopes]), fabric)
    parts = torch.split(joined, [slope.numel() for slope in slopes])
    return [part.view_as(slope) for part, slope in zip(parts, slopes, strict=True)]
