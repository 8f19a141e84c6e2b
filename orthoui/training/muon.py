"""Muon: SGD whose steps on convolutions are turned into orthogonal ones, so that every direction learns alike."""

from typing import Any

import torch
from torch import Tensor

from orthoui.models.device import fast_dtype

SLOPES = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd polynomial that pulls all singular values towards 1."""
ITERATIONS = 5
TINY = 1e-7


class Muon(torch.optim.SGD):
    """SGD with Nesterov momentum; groups marked ``orthogonal`` take orthogonalised steps.

    Jordan et al. 2024, as their networks for CIFAR-10 use it: before a step the weight of a convolution is scaled to
    the norm √C_out, so that the learning rate is the share of the weight that a step changes (norms that follow undo
    the scale). ``torch.optim.Muon`` takes matrices only, and nothing beside them.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take a step. The gradients of orthogonal groups are used up by it."""
        for group in self.param_groups:
            for weight in group["params"] if group.get("orthogonal") else ():
                if weight.grad is not None:
                    self._turned(weight, group["lr"], group["momentum"])
                    weight.grad = None  # so that SGD leaves it alone
        return super().step(closure)

    def _turned(self, weight: Tensor, rate: float, momentum: float) -> None:
        state = self.state[weight]
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(weight)
        buffer = state["momentum_buffer"].mul_(momentum).add_(weight.grad)
        direction = orthogonalised((weight.grad + momentum * buffer).flatten(1))
        weight.mul_(len(weight) ** 0.5 / weight.norm().clamp_min(TINY))
        weight.sub_(rate * direction.view(weight.shape))


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix of the same shape (M, N) with orthonormal rows, or columns where M > N.

    Newton and Schulz's iteration without singular value decomposition: the singular values end in 0.7 … 1.2, which is
    near enough for a step.
    """
    a, b, c = SLOPES
    tall = matrix.shape[0] > matrix.shape[1]
    turned = (matrix.T if tall else matrix).to(fast_dtype(matrix.device))
    turned = turned / (turned.norm() + TINY)
    for _ in range(ITERATIONS):
        gram = turned @ turned.T
        turned = a * turned + (b * gram + c * (gram @ gram)) @ turned
    result: Tensor = (turned.T if tall else turned).to(matrix.dtype)
    return result
