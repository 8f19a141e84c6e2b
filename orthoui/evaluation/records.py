"""Recorded predictions: logits of models as they were trained, for a quick start and for seeds not shipped whole.

A record is found by the digests of weights and images, so it can never be taken for another model's. It is only
a shortcut: a damaged one is left aside with a warning and computed again where the model is there.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from orthoui.data import ImageSet
from orthoui.files import write_atomically
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import METADATA_KEY
from orthoui.models.kinship import difference, is_reference
from orthoui.models.trained import TrainedModel
from orthoui.settings import assets_folder, settings

Logits = NDArray[np.float32]

SUFFIX = ".safetensors"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    """One file of recorded logits: whose they are, and of which images."""

    path: Path
    card: ModelCard
    weights: str
    images: str

    def logits(self, count: int) -> Logits | None:
        """Return float32 logits (count, classes), or None with a warning when the file is damaged."""
        try:
            with safe_open(self.path, framework="np") as file:
                stored: Logits = file.get_tensor("logits").astype(np.float32)
            if stored.shape != (count, len(self.card.classes)) or not np.isfinite(stored).all():
                raise ValueError("these are not one finite number per image and class")
        except (OSError, SafetensorError, TypeError, ValueError) as error:
            log.warning("The recorded predictions %s are damaged and left aside: %s", self.path, error)
            return None
        return stored


def write_record(model: TrainedModel, images: ImageSet, logits: Logits, path: Path) -> None:
    """Write logits (N, classes) as float16, with the model's card and both digests."""
    metadata = {METADATA_KEY: model.card.model_dump_json(), "images": images.digest, "weights": model.weights}
    write_atomically(path, save({"logits": logits.astype(np.float16)}, metadata=metadata))
    _records.cache_clear()


def recorded(model: TrainedModel, images: ImageSet) -> Logits | None:
    """Return the recorded logits of exactly this model on exactly these images, if there are any."""
    for record in all_records():
        if record.weights == model.weights and record.images == images.digest:
            return record.logits(len(images))
    return None


def recorded_twin(reference: TrainedModel, images: ImageSet) -> Logits | None:
    """Return recorded logits of a model that differs from ``reference`` only by its seed, if there are any."""
    card = reference.card
    for record in all_records():
        other = record.card
        twin = is_reference(other, card, card.forgets) and not difference(other, card)
        if twin and other.seed != card.seed and record.images == images.digest:
            return record.logits(len(images))
    return None


def all_records() -> tuple[Record, ...]:
    """Return every readable record, the shipped ones first."""
    return _records((assets_folder() / "records", settings().home / "records"))


@lru_cache(maxsize=4)
def _records(folders: tuple[Path, ...]) -> tuple[Record, ...]:
    return tuple(record for folder in folders for record in _read_folder(folder))


def _read_folder(folder: Path) -> Iterator[Record]:
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            with safe_open(path, framework="np") as file:
                metadata = file.metadata() or {}
            card = ModelCard.model_validate_json(metadata[METADATA_KEY])
            yield Record(path, card, metadata["weights"], metadata["images"])
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            log.warning("The recorded predictions %s are damaged and left aside: %s", path, error)
