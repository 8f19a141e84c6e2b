"""From a recipe to a checkpoint: train, round to what is stored, measure, write."""

import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

import orthoui
from orthoui.data import SPLITS, Dataset, load_dataset
from orthoui.data.preprocessing import prepare
from orthoui.data.statistics import pixel_statistics
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import save_checkpoint
from orthoui.models.device import fast_dtype, resolve_device
from orthoui.training.loop import Progress, train_network
from orthoui.training.orthogonality import filter_cosines
from orthoui.training.recipe import Recipe

EVALUATION_BATCH = 500


def model_name(recipe: Recipe) -> str:
    """Return the checkpoint's name: data, architecture, kind, and what makes it special."""
    kind = "orthogonal" if recipe.orthogonality else "plain"
    parts = [recipe.dataset, recipe.architecture, f"w{recipe.width}", kind]
    if recipe.forgets:
        parts.append("without-" + "-".join(map(str, recipe.forgets)))
    if recipe.seed:
        parts.append(f"seed{recipe.seed}")
    return "-".join(parts)


def train_model(recipe: Recipe, path: Path, report: Callable[[Progress], None] = lambda progress: None) -> ModelCard:
    """Train a model and write its checkpoint to ``path``. Raises ``UnknownNameError`` for unknown names."""
    data = load_dataset(recipe.dataset)
    device = resolve_device()
    low = fast_dtype(device)
    mean, std = pixel_statistics(data)
    started = time.perf_counter()
    network = train_network(
        data,
        recipe,
        mean=mean,
        std=std,
        device=device,
        autocast=None if low == torch.float32 else low,
        report=report,
    )
    seconds = time.perf_counter() - started
    for parameter in network.parameters():  # what is measured is what is stored
        parameter.copy_(parameter.half())
    card = ModelCard(
        architecture=recipe.architecture,
        width=recipe.width,
        classes=data.classes,
        dataset=data.name,
        images_digest=data["train"].digest,
        input_size=data.input_size,
        mean=mean,
        std=std,
        orthogonality=recipe.orthogonality,
        seed=recipe.seed,
        forgets=recipe.forgets,
        recipe=recipe.model_dump(mode="json"),
        accuracy=measured_accuracy(network, data, recipe, mean, std),
        filter_cosine=filter_cosines(network),
        training_seconds=round(seconds, 1),
        versions=library_versions(),
    )
    save_checkpoint(path, network, card, half=True)
    return card


@torch.inference_mode()
def measured_accuracy(
    network: nn.Module, data: Dataset, recipe: Recipe, mean: tuple[float, ...], std: tuple[float, ...]
) -> dict[str, float]:
    """Return percent correct on every split, float32, without augmentation, on the classes that were trained on."""
    device = next(network.parameters()).device
    accuracy: dict[str, float] = {}
    for split in SPLITS:
        images = data[split].without(recipe.forgets)
        correct = 0
        for start in range(0, len(images), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            inputs = prepare(images.images[part], mean=mean, std=std, padding=data.padding, device=device)
            correct += int((network(inputs).argmax(1).cpu() == images.labels[part]).sum())
        accuracy[split] = round(100 * correct / len(images), 2)
    return accuracy


def library_versions() -> dict[str, str]:
    """Return versions of what shaped the weights."""
    return {
        "orthoui": orthoui.__version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "torchvision": version("torchvision"),
    }
