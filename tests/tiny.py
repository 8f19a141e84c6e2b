"""Tiny data and models with known properties: small enough that a test of them takes milliseconds."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from orthoui.data import Dataset, ImageSet
from orthoui.data.preprocessing import prepare
from orthoui.models.architectures import ARCHITECTURES
from orthoui.models.card import ModelCard
from orthoui.models.trained import TrainedModel, resident

CLASSES = ("north", "east", "south", "west")
SIDE = 16
PADDING = 2
INPUT = SIDE + 2 * PADDING
MEAN, STD = (0.25,), (0.3,)
CORNERS = ((0, 0), (0, 8), (8, 8), (8, 0))


def tiny_images(per_class: int, seed: int) -> ImageSet:
    """Noise with a bright square in the corner that belongs to the class; classes in turn."""
    generator = np.random.default_rng(seed)
    labels = np.arange(per_class * len(CLASSES)) % len(CLASSES)
    pixels = generator.integers(0, 120, (len(labels), 1, SIDE, SIDE))
    for image, label in zip(pixels, labels, strict=True):
        row, column = CORNERS[label]
        image[0, row : row + 8, column : column + 8] += 110
    return ImageSet(torch.from_numpy(pixels.astype(np.uint8)), torch.from_numpy(labels))


def tiny_dataset() -> Dataset:
    """Four classes of grey 16×16 images: 120 for training, 80 for calibration, 160 for the test."""
    return Dataset(
        name="tiny",
        title="Tiny corners",
        classes=CLASSES,
        splits={"train": tiny_images(30, 1), "calibration": tiny_images(20, 2), "test": tiny_images(40, 3)},
        source="made for tests",
        padding=PADDING,
    )


def inputs(images: ImageSet) -> Tensor:
    """Return what a network sees of the images: float32 (N, 3, 20, 20)."""
    return prepare(images.images, mean=MEAN, std=STD, padding=PADDING)


@torch.no_grad()
def make_uneven(network: nn.Module, seed: int = 0) -> None:
    """Give biases, statistics and scales values that differ from channel to channel, as training would."""
    generator = torch.Generator().manual_seed(seed)

    def spread(tensor: Tensor | None, low: float, high: float) -> None:
        if tensor is not None:
            tensor.copy_(low + (high - low) * torch.rand(tensor.shape, generator=generator))

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            spread(module.running_mean, -0.4, 0.4)
            spread(module.running_var, 0.5, 2.0)
            spread(module.weight, 0.6, 1.4)
            spread(module.bias, -0.4, 0.4)
        elif isinstance(module, nn.Conv2d):
            spread(module.bias, -0.1, 0.1)


def random_network(architecture: str = "resnet18", width: int = 4, seed: int = 0, classes: int = 4) -> nn.Module:
    """A network with seeded random weights, uneven biases and batch norms, in evaluation mode with gradients off."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ARCHITECTURES[architecture](classes=classes, width=width)
    make_uneven(network, seed)
    return network.eval().requires_grad_(False)


def tiny_card(**changes: object) -> ModelCard:
    """The card of a tiny model."""
    card = ModelCard(
        architecture="resnet18",
        width=4,
        classes=CLASSES,
        dataset="tiny",
        images_digest=tiny_images(30, 1).digest,
        input_size=INPUT,
        mean=MEAN,
        std=STD,
        orthogonality=0.001,
        seed=0,
    )
    return card.model_copy(update=changes)


def as_model(network: nn.Module, card: ModelCard, name: str = "tiny") -> TrainedModel:
    """Wrap a network as the zoo would."""
    return resident(name, card, network, torch.device("cpu"))


def without_augmentation(model: TrainedModel) -> TrainedModel:
    """The same network with a recipe that neither shifts nor mirrors: mirrored, a tiny image is of another class."""
    still = {"dataset": "tiny", "width": 4, "crop_padding": 0, "flip": False}
    return as_model(model.network, model.card.model_copy(update={"recipe": still}), model.name)


@torch.no_grad()
def tiny_model(seed: int = 0, architecture: str = "resnet18", **card: object) -> TrainedModel:
    """A random network whose last layer was fitted (ridge regression), so that it recognises the tiny classes."""
    network = random_network(architecture, seed=seed)
    images = tiny_images(30, 1)
    kept = ~torch.isin(images.labels, torch.tensor(card.get("forgets", ()), dtype=torch.int64))
    head_name = "fc" if hasattr(network, "fc") else "classifier"
    head = getattr(network, head_name)
    setattr(network, head_name, nn.Identity())
    features = network(inputs(images))[kept].double()
    setattr(network, head_name, head)
    targets = nn.functional.one_hot(images.labels[kept], len(CLASSES)).double()
    centred = features - features.mean(0)
    gram = centred.T @ centred + 0.1 * len(centred) * centred.var() * torch.eye(centred.shape[1])
    weight = torch.linalg.solve(gram, centred.T @ (targets - targets.mean(0))).T
    head.weight.copy_(8 * weight)
    head.bias.copy_(8 * (targets.mean(0) - weight @ features.mean(0)))
    return as_model(network, tiny_card(architecture=architecture, seed=seed, **card), f"tiny-{seed}")


def with_splits(data: Dataset, **splits: ImageSet) -> Dataset:
    """Return the data set with some splits replaced."""
    return replace(data, splits={**data.splits, **splits})  # type: ignore[dict-item]


def state_of(network: nn.Module) -> dict[str, Tensor]:
    """Return a deep copy of every tensor of a network."""
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same_tensors(network: nn.Module, state: dict[str, Tensor]) -> bool:
    """Whether every tensor of a network is bit for bit as recorded."""
    now = network.state_dict()
    return now.keys() == state.keys() and all(torch.equal(now[name], state[name]) for name in state)


def hook_count(network: nn.Module) -> int:
    """Number of forward hooks in a network."""
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())
