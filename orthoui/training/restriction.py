"""Gradient restriction: training that keeps the gradient small, so that one step of IAU later stays a small one."""

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from orthoui.training.parallel import mean_over_processes


def gradient_norms(loss: Tensor, network: nn.Module, fabric: Fabric) -> Tensor:
    """Return Σ ‖∂L/∂θ‖₂ over the parameter tensors θ that are trained, of the mean loss over all processes; scalar.

    Differentiable, so that training can lower it: a step costs two backward passes, one through the other. As in the
    code of Liu et al. (ICCV 2025, arXiv 2507.23257), whose paper has the norm of all of them together.
    """
    parameters = [part for part in network.parameters() if part.requires_grad]
    slopes = torch.autograd.grad(loss, parameters, create_graph=True)
    joined = mean_over_processes(torch.cat([slope.flatten() for slope in slopes]), fabric)
    parts = torch.split(joined, [slope.numel() for slope in slopes])
    return torch.stack([torch.linalg.vector_norm(part) for part in parts]).sum()
