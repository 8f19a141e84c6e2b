"""Muon: SGD whose steps on convolutions are turned into orthogonal ones, so that every direction learns alike."""

from typing import Any

import torch
from torch import Tensor, nn

from orthoui.errors import RequestError
from orthoui.models.anatomy import examine
from orthoui.models.device import fast_dtype

SLOPES = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd polynomial that pulls singular values towards 1."""
ITERATIONS = 5
TINY = 1e-7


class Muon(torch.optim.SGD):
    """SGD with Nesterov momentum; groups marked ``orthogonal`` take orthogonalised steps.

    Jordan et al. 2024, as their networks for CIFAR-10 use it: a convolution's weight keeps the norm √C_out, which the
    batch norm behind it undoes, so that the learning rate says how far a step turns it. What would only lengthen or
    shorten the weight is taken out of the gradient: an orthogonality penalty has such a part where filters are more
    than dimensions, and it would drown the rest. ``torch.optim.Muon`` takes matrices only, nothing beside.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take a step from the gradients that are there, of which those of orthogonal groups are used up."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for weight in group["params"] if group.get("orthogonal") else ():
                if weight.grad is not None:
                    self._turn(weight, weight.grad, group["lr"], group["momentum"])
                    weight.grad = None  # so that SGD leaves it alone
        super().step()
        return loss

    def _turn(self, weight: Tensor, gradient: Tensor, rate: float, momentum: float) -> None:
        state = self.state[weight]
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(weight)
        gradient = gradient - weight * ((gradient * weight).sum() / weight.square().sum().clamp_min(TINY))
        buffer = state["momentum_buffer"].mul_(momentum).add_(gradient)
        direction = orthogonalised((gradient + momentum * buffer).flatten(1))
        weight.sub_(rate * direction.view(weight.shape))
        scale(weight)


@torch.no_grad()
def scale(weight: Tensor) -> None:
    """Give a convolution's weight (C_out, C_in, k, k) the norm √C_out, in place."""
    weight.mul_(len(weight) ** 0.5 / weight.norm().clamp_min(TINY))


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix of the same shape (M, N) with orthonormal rows, or columns where M > N.

    Newton and Schulz's iteration without singular value decomposition: singular values that are not tiny beside the
    others end in 0.7 … 1.2, which is near enough for a step.
    """
    a, b, c = SLOPES
    tall = matrix.shape[0] > matrix.shape[1]
    precise = matrix.dtype == torch.float64  # asked for by who compares two trainings
    turned = (matrix.T if tall else matrix).to(matrix.dtype if precise else fast_dtype(matrix.device))
    turned = turned / (turned.norm() + TINY)
    for _ in range(ITERATIONS):
        gram = turned @ turned.T
        turned = a * turned + (b * gram + c * (gram @ gram)) @ turned
    result: Tensor = (turned.T if tall else turned).to(matrix.dtype)
    return result


def convolutions_for_muon(network: nn.Module, side: int) -> list[str]:
    """Return the names of the convolutions whose scale a batch norm undoes, grouped ones left out.

    ``side``: pixels of the images. Raises ``RequestError`` when the network has none.
    """
    layers = examine(network, torch.zeros(1, 3, side, side)).layers
    found = [layer.name for layer in layers if layer.norm and network.get_submodule(layer.name).groups == 1]
    if not found:
        raise RequestError(
            "Muon steps on convolutions that a batch norm follows, and this network has none. Set Muon to 0."
        )
    return found
