"""Train a network from a recipe: seeded, bf16 and channels-last where the device is fast at it."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.data.preprocessing import prepare
from orthoui.models.architectures import ARCHITECTURES
from orthoui.training.orthogonality import orthogonality_penalty
from orthoui.training.recipe import Recipe

SHORTEST_CYCLE = 5
"""Steps below which a quarter of the one-cycle schedule has no room to rise (torch divides by zero at 4)."""


@dataclass(frozen=True)
class Progress:
    """One finished epoch: mean losses over its steps, percent correct on the (augmented) training images."""

    epoch: int
    epochs: int
    loss: float
    penalty: float
    accuracy: float
    seconds: float


def train_network(
    data: Dataset,
    recipe: Recipe,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    device: torch.device,
    autocast: torch.dtype | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> nn.Module:
    """Return a network trained on the data set's training split, in evaluation mode with gradients off.

    ``autocast`` is the type of the forward pass (None: float32). Images of the classes in
    ``recipe.forgets`` are removed before the first step; the network keeps an output for each of them.
    """
    with torch.random.fork_rng():  # layers draw their first weights from the global generator
        torch.manual_seed(recipe.seed)
        network = ARCHITECTURES[recipe.architecture](classes=len(data.classes), width=recipe.width)
    network = network.to(device).to(memory_format=torch.channels_last).train()
    images = data["train"].without(recipe.forgets)
    pixels = prepare(images.images, mean=mean, std=std, padding=data.padding)
    labels = images.labels
    steps = max(1, len(images) // recipe.batch_size)  # fewer images than a batch are one batch
    optimiser = make_optimiser(network, recipe)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        recipe.learning_rate,
        total_steps=max(SHORTEST_CYCLE, steps * recipe.epochs),
        pct_start=0.25,
    )
    generator = torch.Generator().manual_seed(recipe.seed)
    for epoch in range(recipe.epochs):
        started = time.perf_counter()
        totals = torch.zeros(3)
        order = torch.randperm(len(images), generator=generator)
        for step in range(steps):
            batch = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            inputs = augment(pixels[batch], recipe, generator).to(device)
            totals += _step(network, inputs, labels[batch].to(device), recipe, optimiser, autocast)
            schedule.step()
        loss, penalty, accuracy = (totals / steps).tolist()
        report(Progress(epoch + 1, recipe.epochs, loss, penalty, 100 * accuracy, time.perf_counter() - started))
    return network.eval().requires_grad_(False)


def make_optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD with Nesterov momentum; norms and biases are not decayed."""
    decayed = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    free = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def augment(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Shift every image (N, C, H, W) by up to ``crop_padding`` pixels and mirror half of them, seeded."""
    count, _, height, width = images.shape
    reach = recipe.crop_padding
    shifts = torch.randint(-reach, reach + 1, (2, count, 1), generator=generator)
    rows = torch.arange(height) + shifts[0]  # (N, H)
    columns = torch.arange(width) + shifts[1]  # (N, W)
    if recipe.flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, width - 1 - columns, columns)
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    picked = images.permute(0, 2, 3, 1)[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None]]
    return picked.permute(0, 3, 1, 2)  # channels-last in memory


def _step(
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    recipe: Recipe,
    optimiser: torch.optim.Optimizer,
    autocast: torch.dtype | None,
) -> Tensor:
    """One optimiser step on L = L_CE + λ·L_orth; returns (cross entropy, penalty, share correct)."""
    precision: AbstractContextManager[object] = (
        torch.autocast(inputs.device.type, dtype=autocast) if autocast else nullcontext()
    )
    with precision:
        logits = network(inputs)
    loss = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
    penalty = loss.new_zeros(())
    if recipe.orthogonality:
        penalty = orthogonality_penalty(network, recipe.ortho_layers)
    optimiser.zero_grad(set_to_none=True)
    (loss + recipe.orthogonality * penalty).backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    correct = (logits.detach().argmax(1) == labels).float().mean()
    return torch.stack([loss.detach(), penalty.detach(), correct]).cpu()
