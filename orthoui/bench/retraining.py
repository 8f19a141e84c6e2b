"""Soft pruning against Retrain at the size of the paper's first table: ResNet-18 of its width, CIFAR-10."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch

from orthoui.bench.promises import RETRAIN_ROW
from orthoui.bench.rows import Row, described, median
from orthoui.bench.sizes import Sizes
from orthoui.bench.subjects import made_up_data, random_model
from orthoui.bench.training import made_up_steps, paper_recipe
from orthoui.bench.unlearning import pruning_seconds
from orthoui.data.known import CIFAR10
from orthoui.data.splitting import calibration_count
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe

PER_CLASS = 5_000
"""CIFAR-10's training images of a class."""
NOISE_PER_CLASS = 20
"""Made-up images of a class that soft pruning chooses from; it looks at five."""
MOST_BLOCKS = 2
"""Blocks of steps that are timed at most: one step of this network takes seconds on a processor."""


@dataclass(frozen=True)
class Retraining:
    """How long Retrain takes, in seconds, and how that is known."""

    seconds: float
    how: str


def against_retrain(sizes: Sizes, device: torch.device, folder: Path) -> Row:
    """Measure soft pruning of the paper's network with random weights, and how long its retraining takes here."""
    data = made_up_data(NOISE_PER_CLASS * len(CIFAR10))
    pruning = pruning_seconds(random_model(folder, data, sizes.width, device), data, sizes.prunings)
    return retrain_row(pruning, measured_retraining(sizes, device))


def retrain_row(pruning: list[float], retraining: Retraining) -> Row:
    """Turn the seconds of soft pruning and of Retrain into their ratio."""
    milliseconds = [1000 * seconds for seconds in pruning]
    how = (
        f"{described(milliseconds, 'ms', 'prunings, another class each')}; Retrain {retraining.seconds:,.0f} s: "
        f"{retraining.how}"
    )
    return RETRAIN_ROW.measured(retraining.seconds / median(pruning), how)


def measured_retraining(sizes: Sizes, device: torch.device) -> Retraining:
    """Time some steps of the paper's plain recipe on made-up images and multiply.

    In this run, on this machine: seconds from another one would make the ratio say nothing.
    """
    recipe, fabric = paper_recipe(sizes), make_fabric(device)
    blocks = min(max(1, sizes.training_blocks), MOST_BLOCKS)
    whole = median(made_up_steps(recipe, fabric, blocks))
    small = median(made_up_steps(recipe, fabric, blocks, recipe.small_crop)) if recipe.small_crop else whole
    return multiplied(recipe, whole, small)


def multiplied(recipe: Recipe, whole: float, small: float) -> Retraining:
    """Return the time of a recipe's epochs without one class, from seconds per step of whole and of small images."""
    images = (len(CIFAR10) - 1) * (PER_CLASS - calibration_count(PER_CLASS))
    steps = images // recipe.batch_size
    early = math.ceil(recipe.small_share * recipe.epochs) if recipe.small_crop else 0
    late = recipe.epochs - early
    parts = [f"{late} epochs of {steps:,} steps at {1000 * whole:,.0f} ms"]
    if early:
        parts.insert(0, f"{early} epochs of {steps:,} steps with small crops at {1000 * small:,.0f} ms")
    how = f"multiplied from measured steps, not run: {' and '.join(parts)}"
    return Retraining(steps * (early * small + late * whole), how)
