"""Recorded predictions: logits of a model that is not shipped itself, enough to be compared with."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from orthoui.data import ImageSet
from orthoui.errors import CheckpointError
from orthoui.evaluation.distance import ReferenceDistance, distance_to_reference
from orthoui.evaluation.predictions import Logits
from orthoui.evaluation.variants import original
from orthoui.files import write_atomically
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import METADATA_KEY
from orthoui.models.zoo import TrainedModel, is_reference
from orthoui.settings import assets_folder, settings

SUFFIX = ".safetensors"


def record(model: TrainedModel, images: ImageSet, path: Path) -> None:
    """Write the logits of ``images`` as float16 (N, classes), with the model's card and the images' digest."""
    logits = original(model).complete(images).astype(np.float16)
    metadata = {METADATA_KEY: model.card.model_dump_json(), "images": images.digest, "weights": model.digest}
    write_atomically(path, save({"logits": logits}, metadata=metadata))


def recorded_reference(reference: TrainedModel, images: ImageSet) -> Logits | None:
    """Return recorded logits (N, classes) of a reference that differs from ``reference`` only by its seed.

    Raises ``CheckpointError`` when a record is damaged.
    """
    for folder in (assets_folder() / "records", settings().home / "records"):
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            logits = _read(path, reference, images)
            if logits is not None:
                return logits
    return None


def distance_floor(
    reference: TrainedModel, logits: Logits, images: ImageSet, classes: tuple[int, ...]
) -> ReferenceDistance | None:
    """Return the distance between two differently seeded references; None when no second one was recorded."""
    other = recorded_reference(reference, images)
    if other is None:
        return None
    return distance_to_reference(logits, other, images.labels.numpy(), classes)


def _read(path: Path, reference: TrainedModel, images: ImageSet) -> Logits | None:
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            card = ModelCard.model_validate_json(metadata.get(METADATA_KEY, ""))
            twin = is_reference(card, reference.card, reference.card.forgets)
            twin = twin and card.seed != reference.card.seed
            twin = twin and card.orthogonality == reference.card.orthogonality
            if not twin or metadata.get("images") != images.digest:
                return None
            logits: Logits = file.get_tensor("logits").astype(np.float32)
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"The recorded predictions {path.name} are damaged. Delete or restore them.") from error
    return logits
