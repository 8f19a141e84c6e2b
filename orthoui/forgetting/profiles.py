"""Activation profiles of models, measured once and cached on disk; a damaged file is measured again."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from orthoui.data import Dataset, ImageSet, balanced_positions
from orthoui.errors import RequestError
from orthoui.files import write_atomically
from orthoui.forgetting.activations import BATCH, ActivationProfile, activation_profile
from orthoui.forgetting.request import ForgetRequest, ReadAt
from orthoui.models.room import Room
from orthoui.models.trained import TrainedModel
from orthoui.settings import settings

log = logging.getLogger(__name__)

MOST_CACHED = 500
"""Profiles kept on disk; each is some tens of kilobytes."""

Means = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class MeasuredProfile:
    """A profile, how long it took to have it, and what a person should know about how it was had."""

    profile: ActivationProfile
    milliseconds: float
    cached: bool
    notices: tuple[str, ...] = ()


def load_or_measure(
    model: TrainedModel, data: Dataset, request: ForgetRequest, folder: Path | None = None
) -> MeasuredProfile:
    """Return the profile a request needs, from the cache in ``folder`` if it is there and sound.

    The key is (weights digest, training images digest, images per class, read point, seed). Problems
    with the cache never stop the work: they are logged and put into ``notices``.
    """
    started = time.perf_counter()
    folder = folder or settings().cache_folder / "profiles"
    largest = int(torch.bincount(data["train"].labels).max())
    per_class = min(request.images_per_class, largest)
    seed = 0 if per_class == largest else request.seed  # all images: there is only one draw
    key = f"{model.digest}-{data['train'].digest}-{per_class}-{request.read_at}-{seed}"
    path = folder / f"{key}.safetensors"
    notices: list[str] = []
    try:
        means = _read(path, model, len(data.classes))
        if means is not None:
            return MeasuredProfile(ActivationProfile(means, len(data.classes)), _since(started), cached=True)
    except _DamagedError as error:
        notices.append(f"The cached activation profile was damaged ({error}) and has been measured again.")
        log.warning("%s %s", notices[-1], path)
    profile = measure(model, data["train"], per_class, request.read_at, seed, notices.append)
    elapsed = _since(started)
    try:
        means = dict(profile.means)
        write_atomically(path, save(means, metadata={"sha256": _checksum(means)}))
        _keep_newest(folder)
    except OSError as error:
        notices.append(
            f"The activation profile could not be cached ({error.strerror or error}). The result is right; the "
            "profile is measured again next time. Free some space, or set ORTHOUI_HOME to another folder."
        )
        log.warning("%s %s", notices[-1], path)
    return MeasuredProfile(profile, elapsed, cached=False, notices=tuple(notices))


def measure(
    model: TrainedModel,
    images: ImageSet,
    per_class: int,
    read_at: ReadAt = "bn",
    seed: int = 0,
    report: Callable[[str], None] = lambda notice: None,
) -> ActivationProfile:
    """Measure a profile in float32 from ``per_class`` seeded training images of every class.

    ``report`` is told in a sentence when the device was full and how it was done instead.
    """
    if len(model.card.classes) != int(images.labels.max()) + 1:
        raise RequestError(
            f"Model “{model.name}” knows {len(model.card.classes)} classes, the images have "
            f"{int(images.labels.max()) + 1}. Choose the data set it was trained on: {model.card.dataset}."
        )
    chosen = images.subset(balanced_positions(images.labels, per_class, seed))
    room = Room(model.device, BATCH, report=report)

    def step(device: torch.device, batch: int) -> ActivationProfile:
        placed = model.on(device)
        batches = _batches(placed, chosen, batch)
        return activation_profile(placed.network, model.anatomy, batches, len(model.card.classes), read_at)

    return room.fit(step)


def _batches(model: TrainedModel, images: ImageSet, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        yield model.prepare(images.images[part]), images.labels[part]


def _keep_newest(folder: Path) -> None:
    """Delete the oldest profiles beyond ``MOST_CACHED``; another process may be doing the same."""
    written: dict[Path, int] = {}
    for path in folder.glob("*.safetensors"):
        with suppress(FileNotFoundError):
            written[path] = path.stat().st_mtime_ns
    for path in sorted(written, key=lambda path: written[path])[:-MOST_CACHED]:
        path.unlink(missing_ok=True)


class _DamagedError(Exception):
    """A cache file that must not be trusted."""


def _read(path: Path, model: TrainedModel, classes: int) -> Means | None:
    try:
        if not path.exists():
            return None
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            means: Means = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise _DamagedError("it cannot be read") from error
    if metadata.get("sha256") != _checksum(means):
        raise _DamagedError("its checksum is wrong")
    expected = {layer.name: (classes, layer.channels) for layer in model.anatomy.layers}
    if {name: array.shape for name, array in means.items()} != expected:
        raise _DamagedError("it belongs to another network")
    return means


def _checksum(means: Means) -> str:
    sha = hashlib.sha256()
    for name in sorted(means):
        sha.update(name.encode() + str(means[name].shape).encode())
        sha.update(np.ascontiguousarray(means[name]).tobytes())
    return sha.hexdigest()


def _since(started: float) -> float:
    return 1000 * (time.perf_counter() - started)
