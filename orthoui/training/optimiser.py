"""What turns gradients into steps: SGD or Muon, and the one-cycle schedule of a recipe."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from orthoui.training.muon import Muon, scale
from orthoui.training.recipe import Recipe

MOMENTUM_SWING = 0.05
"""How far SGD's momentum goes down and up around the recipe's while the learning rate rises and falls."""


def make_optimiser(network: nn.Module, recipe: Recipe, for_muon: Sequence[str] = ()) -> torch.optim.SGD:
    """SGD with Nesterov momentum, or Muon for the named convolutions; norms and biases are not decayed."""
    turned = [network.get_parameter(f"{name}.weight") for name in for_muon]
    apart = {id(weight) for weight in turned}
    others = [parameter for parameter in network.parameters() if id(parameter) not in apart]
    groups: list[dict[str, Any]] = [
        {"params": [parameter for parameter in others if parameter.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [parameter for parameter in others if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    if turned:
        groups.append({"params": turned, "orthogonal": True})
    for weight in turned:
        scale(weight)
    kind = Muon if turned else torch.optim.SGD
    return kind(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def one_cycle(
    optimiser: torch.optim.Optimizer, recipe: Recipe, steps_per_epoch: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    """Return the one-cycle schedule: learning rates up to their peaks, then down to nothing.

    SGD: up for a quarter of the steps, along cosines, momentum the other way. Muon: up for a tenth, along straight
    lines, momentum as it is.
    """
    rise = 0.1 if recipe.muon else 0.25
    shortest = round(1 / rise) + 1  # with fewer steps there is no room to rise, and torch divides by zero
    peaks = [recipe.muon if group.get("orthogonal") else recipe.learning_rate for group in optimiser.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        peaks,
        total_steps=max(shortest, steps_per_epoch * recipe.epochs),
        pct_start=rise,
        anneal_strategy="linear" if recipe.muon else "cos",
        cycle_momentum=recipe.momentum > 0 and not recipe.muon,
        base_momentum=round(max(0.0, recipe.momentum - MOMENTUM_SWING), 4),
        max_momentum=round(min(0.999, recipe.momentum + MOMENTUM_SWING), 4),
    )
