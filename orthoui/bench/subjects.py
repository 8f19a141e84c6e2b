"""What is measured: the embedded model, and a network of the paper's width with random weights."""

from dataclasses import replace
from pathlib import Path

import torch

from orthoui.data import Dataset, ImageSet, Split, balanced_positions
from orthoui.data.known import CIFAR10
from orthoui.models.architectures import ARCHITECTURES
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import save_checkpoint
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import SUFFIX, Zoo

DATASET = "fashion-mnist"
RANDOM_NAME = "benchmark-random-weights"
ARCHITECTURE = "resnet18"
SIDE = 32
"""Side of CIFAR-10's images, pixels."""


def save_random_model(folder: Path, data: Dataset, width: int, seed: int = 0) -> Path:
    """Write a checkpoint of a ResNet-18 that was never trained; speed does not ask what the weights are.

    About 45 MB at the paper's width of 64. Not for: anything that looks at accuracies.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ARCHITECTURES[ARCHITECTURE](classes=len(data.classes), width=width).eval()
    card = ModelCard(
        architecture=ARCHITECTURE,
        width=width,
        classes=data.classes,
        dataset=data.name,
        images_digest=data["train"].digest,
        input_size=data.input_size,
        mean=(0.5,),
        std=(0.5,),
        orthogonality=0,
        seed=seed,
    )
    path = folder / f"{RANDOM_NAME}{SUFFIX}"
    folder.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, network, card)
    return path


def random_model(folder: Path, data: Dataset, width: int, device: torch.device) -> TrainedModel:
    """Return that model as the dashboard would keep it: float32, channels-last, on ``device``."""
    path = save_random_model(folder, data, width)
    return Zoo([path.parent], device).get(RANDOM_NAME)


def made_up_data(images: int, seed: int = 0) -> Dataset:
    """Return noise in the shape of CIFAR-10: so many training images of 32×32 in colour, classes in turn."""
    generator = torch.Generator().manual_seed(seed)

    def noise(count: int) -> ImageSet:
        pixels = torch.randint(0, 256, (count, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
        return ImageSet(pixels, torch.arange(count) % len(CIFAR10))

    few = noise(len(CIFAR10))
    splits: dict[Split, ImageSet] = {"train": noise(images), "calibration": few, "test": few}
    return Dataset(name="made-up", title="Noise", classes=CIFAR10, splits=splits, source="made for the benchmark")


def shortened(data: Dataset, images: int) -> Dataset:
    """Return the data set with ``images`` training images, a seeded draw, and one of each class to calibrate.

    Images come again where there are fewer.
    """
    train, calibration = data["train"], data["calibration"]
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    some = balanced_positions(calibration.labels, 1, seed=0)
    splits: dict[Split, ImageSet] = {
        **data.splits,
        "train": train.subset(order[torch.arange(images) % len(train)]),
        "calibration": calibration.subset(some),
    }
    return replace(data, splits=splits)
