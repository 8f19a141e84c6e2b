"""A model in memory, as every page and command uses it."""

import hashlib
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orthoui.data import Dataset, how_to_get, load_dataset
from orthoui.data.preprocessing import prepare
from orthoui.errors import DatasetError, UnknownNameError
from orthoui.models.anatomy import Anatomy, examine
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import weights_digest
from orthoui.models.fast import folding_is_exact
from orthoui.models.sharing import moved


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A resident model: float32, evaluation mode, gradients off, shared by all sessions, never written to."""

    name: str
    card: ModelCard
    network: nn.Module
    anatomy: Anatomy
    weights: str
    """Digest of the weights alone; ``digest`` is that of everything that decides what the model answers."""
    digest: str
    foldable: bool
    device: torch.device

    @property
    def nbytes(self) -> int:
        """Memory its weights take, bytes."""
        return sum(tensor.nbytes for tensor in self.network.state_dict().values())

    def data(self) -> Dataset:
        """Return the data set the model was trained on.

        Raises ``DatasetError`` where its images are not on this machine, which says how to get them, or where they
        are of other classes. What needs no images works without.
        """
        try:
            data = load_dataset(self.card.dataset)
        except UnknownNameError as error:
            raise DatasetError(
                f"Model “{self.name}” was trained on the data set “{self.card.dataset}”, whose images are not on "
                f"this machine. {how_to_get(self.card.dataset)}"
            ) from error
        if data.classes != self.card.classes:
            raise DatasetError(
                f"Model “{self.name}” knows {len(self.card.classes)} classes, from {self.card.classes[0]} to "
                f"{self.card.classes[-1]}; the data set {data.title} on this machine has other ones "
                f"({len(data.classes)}, from {data.classes[0]} to {data.classes[-1]}). Choose another model, or put "
                "the images it was trained on in place."
            )
        return data

    def framed(self, images: Tensor) -> Tensor:
        """Bring stored images, uint8 (N, C, H, W), to the input size: resized, or with a black margin."""
        side, width = self.card.input_size, images.shape[-1]
        if self.card.resized and side != width:
            large = F.interpolate(images.float(), (side, side), mode="bilinear", antialias=True)
            return large.round().clamp(0, 255).to(torch.uint8)
        return F.pad(images, ((side - width) // 2,) * 4)

    def prepare(self, images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Turn stored images, uint8 (N, C, H, W), into this model's input (N, 3, side, side), channels-last."""
        framed = self.framed(images.to(self.device))
        mean, std = self.card.mean, self.card.std
        return prepare(framed, mean=mean, std=std, padding=0, dtype=dtype, device=self.device)

    def on(self, device: torch.device) -> "TrainedModel":
        """Return the same model on another device, weight by weight: a full device has no room for a second copy."""
        return self if device == self.device else replace(self, network=moved(self.network, device), device=device)


def resident(name: str, card: ModelCard, network: nn.Module, device: torch.device) -> TrainedModel:
    """Put a network on a device and examine it. The given network is untouched and may be shared with the result."""
    placed = moved(network, device).to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(2, 3, card.input_size, card.input_size, generator=generator).to(device)
    anatomy = examine(placed, sample)
    weights = weights_digest(network)
    seen = f"{weights} {card.input_size} {card.mean} {card.std}" + (" resized" if card.resized else "")
    return TrainedModel(
        name=name,
        card=card,
        network=placed,
        anatomy=anatomy,
        weights=weights,
        digest=hashlib.sha256(seen.encode()).hexdigest()[:16],
        foldable=folding_is_exact(placed, anatomy, sample),
        device=device,
    )
