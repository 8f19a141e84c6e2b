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
from orthoui.models.zoo import ModelEntry, zoo
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe

PER_CLASS = 5_000
"""CIFAR-10's training images of a class."""
NOISE_PER_CLASS = 20
"""Made-up images of a class that soft pruning chooses from; it looks at five."""


@dataclass(frozen=True)
class Retraining:
    """How long Retrain takes, in seconds, and how that is known."""

    seconds: float
    how: str


def against_retrain(sizes: Sizes, device: torch.device, folder: Path) -> Row:
    """Measure soft pruning of the paper's network with random weights; find out how long its retraining takes."""
    data = made_up_data(NOISE_PER_CLASS * len(CIFAR10))
    pruning = pruning_seconds(random_model(folder, data, sizes.width, device), data, sizes.prunings)
    shipped = shipped_retraining(zoo().entries(), paper_recipe(sizes)) if device.type == "cpu" else None
    return retrain_row(pruning, shipped or measured_retraining(sizes, device))


def retrain_row(pruning: list[float], retraining: Retraining) -> Row:
    """Turn the seconds of soft pruning and of Retrain into their ratio."""
    milliseconds = [1000 * seconds for seconds in pruning]
    how = (
        f"{described(milliseconds, 'ms', 'prunings, another class each')}; Retrain {retraining.seconds:,.0f} s: "
        f"{retraining.how}"
    )
    return RETRAIN_ROW.measured(retraining.seconds / median(pruning), how)


def shipped_retraining(entries: list[ModelEntry], recipe: Recipe) -> Retraining | None:
    """Return the time on the card of a shipped model of that network and data; a retrained one is preferred.

    Shipped models are trained on a processor: not for comparing with what a GPU does.
    """
    found = [
        (not card.forgets, card.training_seconds, entry.name)
        for entry in entries
        if entry.origin == "shipped" and (card := entry.card) is not None and card.training_seconds
        if (card.architecture, card.width, card.dataset) == (recipe.architecture, recipe.width, recipe.dataset)
    ]
    if not found:
        return None
    _, seconds, name = min(found)
    return Retraining(seconds, f"measured when the shipped model {name} was trained, not in this run")


def measured_retraining(sizes: Sizes, device: torch.device) -> Retraining:
    """Time some steps of the paper's plain recipe on made-up images and multiply."""
    recipe, fabric = paper_recipe(sizes), make_fabric(device)
    whole = median(made_up_steps(recipe, fabric, sizes.training_blocks))
    small = whole
    if recipe.small_crop:
        small = median(made_up_steps(recipe, fabric, sizes.training_blocks, recipe.small_crop))
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
