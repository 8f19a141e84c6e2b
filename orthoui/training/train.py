"""From a recipe to a checkpoint: train, round to what is stored, measure, write."""

import platform
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

import orthoui
from orthoui.data import SPLITS, Dataset, balanced_positions, load_dataset
from orthoui.data.statistics import pixel_statistics
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import save_checkpoint
from orthoui.models.device import fast_dtype, resolve_device
from orthoui.models.fast import fast_copy
from orthoui.models.trained import resident
from orthoui.training.loop import EVALUATION_BATCH, Normalisation, Training
from orthoui.training.orthogonality import filter_cosines
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe, check_left_out
from orthoui.training.watching import StateFile, run_from_kept

MOST_MEASURED = 20_000
"""Training images whose accuracy is measured at most."""


def model_name(recipe: Recipe) -> str:
    """Return the checkpoint's name: data, architecture, kind, and what makes it special."""
    kind = "orthogonal" if recipe.orthogonality else "plain"
    parts = [recipe.dataset, recipe.architecture, f"w{recipe.width}", kind]
    if recipe.forgets:
        parts.append("without-" + "-".join(map(str, recipe.forgets)))
    if recipe.seed:
        parts.append(f"seed{recipe.seed}")
    return "-".join(parts)


def train_model(recipe: Recipe, path: Path, watcher: StateFile | None = None) -> ModelCard:
    """Train a model and write its checkpoint to ``path``; goes on from the watcher's kept state if there is one.

    Of several processes the first writes; all are given the same watcher's path and go on from the same state.
    Raises ``UnknownNameError`` for unknown names, ``RequestError`` for classes that cannot be left out and
    ``CheckpointError`` for the state of another training.
    """
    watcher = watcher or StateFile()
    data = load_dataset(recipe.dataset)
    check_left_out(recipe, data.classes)
    fabric = make_fabric(resolve_device())
    normalisation = pixel_statistics(data)
    training = Training(data, recipe, normalisation, fabric)
    network = run_from_kept(training, watcher)
    card = finished_card(recipe, network, data, normalisation, training.seconds)
    if fabric.is_global_zero:
        save_checkpoint(path, network, card, half=True)
    fabric.barrier()  # the model is written before any process returns, the state read by all before it is deleted
    if fabric.is_global_zero and watcher.path is not None:
        watcher.path.unlink(missing_ok=True)
    return card


def finished_card(
    recipe: Recipe,
    network: nn.Module,
    data: Dataset,
    normalisation: Normalisation,
    seconds: float,
    *,
    half: bool = True,
    architecture: str | None = None,
) -> ModelCard:
    """Round the weights to what is stored (``half``), measure them, and describe the model.

    ``architecture``: the network's, where it is made of several of the recipe's.
    """
    mean, std = normalisation
    for parameter in network.parameters() if half else ():  # what is measured is what is stored
        parameter.copy_(parameter.half())
    card = ModelCard(
        architecture=architecture or recipe.architecture,
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
        filter_cosine=filter_cosines(network),
        training_seconds=round(seconds, 1),
        versions=library_versions(),
    )
    accuracy = measured_accuracy(network, card, data, next(network.parameters()).device)
    return card.model_copy(update={"accuracy": accuracy})


@torch.inference_mode()
def measured_accuracy(network: nn.Module, card: ModelCard, data: Dataset, device: torch.device) -> dict[str, float]:
    """Return percent correct on every split, without augmentation, on the classes that were trained on.

    Computed as the app predicts: batch norms folded, in the device's fast precision. Of more than ``MOST_MEASURED``
    training images a seeded, balanced draw is measured.
    """
    model = resident("trained", card, network, device)
    fast = fast_copy(model.network, model.anatomy, fast_dtype(device), fold=model.foldable)
    accuracy: dict[str, float] = {}
    for split in SPLITS:
        images = data[split].without(card.forgets)
        if split == "train" and len(images) > MOST_MEASURED:
            per_class = MOST_MEASURED // (len(card.classes) - len(card.forgets))
            images = images.subset(balanced_positions(images.labels, per_class, seed=0))
        correct = 0
        for start in range(0, len(images), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            answers = fast(model.prepare(images.images[part], fast_dtype(device))).argmax(1)
            correct += int((answers.cpu() == images.labels[part]).sum())
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
