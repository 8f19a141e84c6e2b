"""What is measured: the embedded model, and a network of the paper's width with random weights."""

from pathlib import Path

import torch

from orthoui.data import Dataset
from orthoui.models.architectures import ARCHITECTURES
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import save_checkpoint
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import SUFFIX, Zoo

DATASET = "fashion-mnist"
RANDOM_NAME = "benchmark-random-weights"
ARCHITECTURE = "resnet18"


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
