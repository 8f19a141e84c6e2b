"""Images as the rest of the project sees them: bytes, labels, and a digest that names them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from orthoui.errors import UnknownNameError

Split = Literal["train", "calibration", "test"]
SPLITS: tuple[Split, ...] = ("train", "calibration", "test")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images of one split; never written to after construction.

    ``images`` is uint8, (N, C, H, W) with C = 1 (grey) or 3; ``labels`` is int64, (N,).
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (16 hex digits) of shapes, pixels and labels."""
        sha = hashlib.sha256(str(tuple(self.images.shape)).encode())
        sha.update(self.images.contiguous().numpy().tobytes())
        sha.update(self.labels.numpy().tobytes())
        return sha.hexdigest()[:16]

    def of_class(self, label: int) -> Tensor:
        """Return the positions of the images of one class, int64, ascending."""
        return torch.nonzero(self.labels == label).flatten()

    def without(self, classes: Sequence[int]) -> "ImageSet":
        """Return the images of all other classes; the set itself when no class is named."""
        if not classes:
            return self
        return self.subset(torch.nonzero(~torch.isin(self.labels, torch.tensor(list(classes)))).flatten())

    def subset(self, positions: Tensor) -> "ImageSet":
        """Return the images at these positions as a set of their own."""
        return ImageSet(self.images[positions], self.labels[positions])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set with its three splits; calibration images were never trained on, nor are they test images."""

    name: str
    title: str
    classes: tuple[str, ...]
    splits: Mapping[Split, ImageSet]
    source: str
    padding: int = 0
    """Zero pixels added on each side before an image enters a network."""

    def __getitem__(self, split: Split) -> ImageSet:
        return self.splits[split]

    @property
    def input_size(self) -> int:
        """Side of the square images that enter a network, pixels."""
        return int(self["test"].images.shape[-1]) + 2 * self.padding

    def class_indices(self, asked: Sequence[str | int]) -> tuple[int, ...]:
        """Turn class names or numbers into sorted indices without repetition.

        Raises ``UnknownNameError`` naming the classes there are.
        """
        by_name = {name.casefold(): index for index, name in enumerate(self.classes)}
        indices = set()
        for item in asked:
            text = str(item).strip().casefold()
            number = text.isascii() and text.isdigit() and len(text) < 10  # Python refuses to read very long ones
            index = by_name.get(text, int(text) if number else -1)
            if not 0 <= index < len(self.classes):
                allowed = [f"{number} ({name})" for number, name in enumerate(self.classes)]
                raise UnknownNameError("class", item, allowed)
            indices.add(index)
        return tuple(sorted(indices))


def balanced_positions(labels: Tensor, per_class: int, seed: int) -> Tensor:
    """Draw ``per_class`` positions of every class, seeded; all of a class when it has fewer. Returns (n,) int64."""
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for label in range(int(labels.max()) + 1):
        positions = torch.nonzero(labels == label).flatten()
        chosen.append(positions[torch.randperm(len(positions), generator=generator)[:per_class]])
    return torch.cat(chosen)
