"""What turns gradients into steps: SGD and the one-cycle schedule of a recipe."""

import torch
from torch import nn

from orthoui.training.recipe import Recipe

SHORTEST_CYCLE = 5
"""Steps below which a quarter of the one-cycle schedule has no room to rise (torch divides by zero at 4)."""


def make_optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD with Nesterov momentum; norms and biases are not decayed."""
    decayed = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    free = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def one_cycle(
    optimiser: torch.optim.Optimizer, recipe: Recipe, steps_per_epoch: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    """Return the one-cycle schedule: a quarter of the steps up to the peak learning rate, then down."""
    steps = max(SHORTEST_CYCLE, steps_per_epoch * recipe.epochs)
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, total_steps=steps, pct_start=0.25)
