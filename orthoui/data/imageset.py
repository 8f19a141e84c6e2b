"""Images as the rest of the project sees them: bytes, labels, and a digest that names them."""

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from orthoui.errors import UnknownNameError

Split = Literal["train", "calibration", "test"]
SPLITS: tuple[Split, ...] = ("train", "calibration", "test")

_moving = threading.Lock()
"""Two sessions that come first at once must not move the same images twice."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images of one split; never written to after construction.

    ``images`` is uint8, (N, C, H, W) with C = 1 (grey) or 3; ``labels`` is int64, (N,).
    """

    images: Tensor
    labels: Tensor
    known_digest: str | None = None
    """The digest, where it was computed before: hashing a large set again would take seconds."""
    _moved: dict[torch.device, "ImageSet"] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (16 hex digits) of shapes, pixels and labels."""
        if self.known_digest is not None:
            return self.known_digest
        pixels = self.images.cpu().contiguous().flatten().numpy()
        return digest_of(tuple(self.images.shape), [pixels.data], self.labels.cpu())

    def on(self, device: torch.device, limit_bytes: int) -> "ImageSet":
        """Return the set with images and labels on ``device``; moved at the first call and then remembered.

        The set itself is returned, in main memory or mapped from disk, when ``device`` is the processor, when
        the images take more than ``limit_bytes``, or when the device has no room for them.
        """
        if device.type == "cpu" or self.images.nbytes > limit_bytes:
            return self
        with _moving:
            if device not in self._moved:
                try:
                    moved = ImageSet(self.images.to(device), self.labels.to(device), self.known_digest)
                except torch.OutOfMemoryError:
                    return self
                self._moved[device] = moved
            return self._moved[device]

    def of_class(self, label: int) -> Tensor:
        """Return the positions of the images of one class, int64, ascending."""
        return torch.nonzero(self.labels == label).flatten()

    def only(self, classes: Sequence[int]) -> "ImageSet":
        """Return the images of these classes."""
        wanted = torch.tensor(list(classes), device=self.labels.device)
        return self.subset(torch.nonzero(torch.isin(self.labels, wanted)).flatten())

    def without(self, classes: Sequence[int]) -> "ImageSet":
        """Return the images of all other classes; the set itself when no class is named."""
        if not classes:
            return self
        left_out = torch.tensor(list(classes), device=self.labels.device)
        return self.subset(torch.nonzero(~torch.isin(self.labels, left_out)).flatten())

    def subset(self, positions: Tensor) -> "ImageSet":
        """Return the images at these positions as a set of their own."""
        return ImageSet(self.images[positions], self.labels[positions])


def digest_of(shape: tuple[int, ...], pixels: Iterable[bytes | memoryview], labels: Tensor) -> str:
    """Return the digest of images that arrive in parts, in order; ``shape`` is that of all of them (N, C, H, W)."""
    sha = hashlib.sha256(str(shape).encode())
    for part in pixels:
        sha.update(part)
    sha.update(labels.contiguous().numpy().tobytes())
    return sha.hexdigest()[:16]


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
    test_drawn: bool = False
    """Whether the test images were drawn from all images here, because the data set had none of its own."""

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
        return class_indices(self.classes, asked)


def class_indices(classes: Sequence[str], asked: Sequence[str | int]) -> tuple[int, ...]:
    """Turn class names or numbers into sorted indices without repetition; needs no images.

    Raises ``UnknownNameError`` naming the classes there are.
    """
    by_name = {name.casefold(): index for index, name in enumerate(classes)}
    indices = set()
    for item in asked:
        text = str(item).strip().casefold()
        index = by_name.get(text, int(text) if _is_number(text) else -1)
        if not 0 <= index < len(classes):
            allowed = [f"{number} ({name})" for number, name in enumerate(classes)]
            raise UnknownNameError("class", item, allowed)
        indices.add(index)
    return tuple(sorted(indices))


def class_words(classes: Sequence[str], labels: Sequence[int]) -> str:
    """Write classes, with commas, as a command line reads them: by number, or by name where names look like numbers.

    Without ``classes``, whose names nobody knows, by number.

    >>> class_words(("cat", "dog"), (0, 1)), class_words(("1", "2", "3"), (0, 1))
    ('0,1', '1,2')
    """
    mistakable = any(_is_number(name.strip()) for name in classes)
    # a name with a comma would be read as two, so its class keeps the number
    return ",".join(classes[label] if mistakable and "," not in classes[label] else str(label) for label in labels)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10  # Python refuses to read very long ones


def balanced_positions(labels: Tensor, per_class: int, seed: int) -> Tensor:
    """Draw ``per_class`` positions of every class, seeded; all of a class when it has fewer. Returns (n,) int64."""
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for label in range(int(labels.max()) + 1):
        positions = torch.nonzero(labels == label).flatten()
        chosen.append(positions[torch.randperm(len(positions), generator=generator)[:per_class]])
    return torch.cat(chosen)
