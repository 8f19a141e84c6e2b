"""The models there are: found in folders, loaded once, shared by everyone, never written to."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import torch

from orthoui.errors import CheckpointError, OrthoError, RequestError, UnknownNameError
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import load_checkpoint, read_card
from orthoui.models.device import resolve_device
from orthoui.models.kinship import difference, is_reference
from orthoui.models.room import Room, out_of_memory
from orthoui.models.trained import TrainedModel, resident
from orthoui.settings import assets_folder, settings

SUFFIX = ".safetensors"
LONGEST_NAME = 200
"""Bytes: a file's name has 255 on most systems, and endings are added."""
PREFERRED_MODEL = "fashion-mnist-resnet18-w16-orthogonal"

Origin = Literal["shipped", "trained here", "imported"]
ORIGINS: dict[str, Origin] = {"trained": "trained here", "imported": "imported"}


def checked_name(name: str) -> str:
    """Return a model's name without its file's ending. Raises ``ValueError`` for what cannot be a file's name."""
    name = name.removesuffix(SUFFIX)
    if Path(name).name != name or name.startswith(".") or "\\" in name or not name.isprintable():
        raise ValueError("must be letters, digits and dashes, not a path")
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"must be shorter: at most {LONGEST_NAME} letters, fewer where they take several bytes each")
    return name


@dataclass(frozen=True)
class ModelEntry:
    """A checkpoint in a folder. ``card`` is None when it cannot be read; ``problem`` then says why."""

    name: str
    path: Path
    card: ModelCard | None
    problem: str | None = None

    @property
    def origin(self) -> Origin:
        """Where the model comes from."""
        if self.path.is_relative_to(assets_folder()):
            return "shipped"
        return "trained here" if self.card is None else ORIGINS[self.card.origin]


class Zoo:
    """Checkpoints of some folders; the most recently used stay in memory, ``most_bytes`` of weights in all.

    A model that leaves the table is never taken from under a request: whoever works with it holds a reference, and
    Python frees its memory when the last of them is done. The one asked for last always stays.
    """

    def __init__(self, folders: Sequence[Path], device: torch.device, most_bytes: int | None = None) -> None:
        self._folders = tuple(folders)
        self._device = device
        self._most_bytes = settings().models_mb * 1_000_000 if most_bytes is None else most_bytes
        self._models: OrderedDict[tuple[str, int], TrainedModel] = OrderedDict()
        self._cards: dict[tuple[Path, int], ModelEntry] = {}
        self._lock = threading.RLock()

    def entries(self) -> list[ModelEntry]:
        """List every checkpoint, damaged ones included; a later folder's name wins over an earlier one's."""
        files = (path for folder in self._folders for path in sorted(folder.glob(f"*{SUFFIX}")))
        found = {path.stem: path for path in files if path.is_file()}
        return [self._entry(name, path) for name, path in found.items()]

    def trained(self) -> list[ModelEntry]:
        """List the models a class can be forgotten in: readable ones that were shown every class."""
        return [entry for entry in self.entries() if entry.card is not None and not entry.card.forgets]

    def get(self, name: str) -> TrainedModel:
        """Return a model, loading it at the first call. Raises ``UnknownNameError``, ``CheckpointError``."""
        entries = {entry.name: entry for entry in self.entries()}
        if name not in entries:
            raise UnknownNameError("model", name, [entry.name for entry in self.trained()])
        entry = entries[name]
        if entry.card is None:
            raise CheckpointError(entry.problem or f"{name} cannot be read.")
        key = (name, entry.path.stat().st_mtime_ns)
        with self._lock:
            if key not in self._models:
                self._models[key] = self._load(name, entry.path)
            self._models.move_to_end(key)
            while len(self._models) > 1 and self._resident_bytes() > self._most_bytes:
                self._models.popitem(last=False)
            return self._models[key]

    def forgettable(self, name: str) -> TrainedModel:
        """Return a model that a class can be forgotten in. Raises ``RequestError`` for a retrained reference too."""
        model = self.get(name)
        if model.card.forgets:
            allowed = ", ".join(entry.name for entry in self.trained())
            raise RequestError(
                f"{name} was retrained without a class, so that others can be compared with it; nothing can be "
                f"forgotten in it. Choose one of: {allowed}."
            )
        return model

    def reference(self, model: TrainedModel, classes: Sequence[int]) -> TrainedModel | None:
        """Return the model retrained without ``classes``: same data, architecture and width.

        One with the same penalty, recipe and seed is preferred; ``kinship.difference`` tells where it differs.
        """
        card = model.card
        found = [entry for entry in self.entries() if entry.card and is_reference(entry.card, card, classes)]

        def differs(entry: ModelEntry) -> tuple[bool, bool, bool]:
            other = entry.card or card
            return other.orthogonality != card.orthogonality, bool(difference(other, card)), other.seed != card.seed

        return self.get(min(found, key=differs).name) if found else None

    def _resident_bytes(self) -> int:
        return sum(model.nbytes for model in self._models.values())

    def _entry(self, name: str, path: Path) -> ModelEntry:
        key = (path, path.stat().st_mtime_ns)
        with self._lock:
            if key not in self._cards:
                try:
                    self._cards[key] = ModelEntry(name, path, read_card(path))
                except CheckpointError as error:
                    self._cards[key] = ModelEntry(name, path, None, str(error))
            return self._cards[key]

    def _load(self, name: str, path: Path) -> TrainedModel:
        """Load a model and place it on the device; where that is full, those used longest ago leave it first."""
        network, card = load_checkpoint(path)

        def place(device: torch.device, _: int) -> TrainedModel:
            while True:
                try:
                    return resident(name, card, network, device)
                except (RuntimeError, MemoryError) as error:
                    if not out_of_memory(error) or not self._models:
                        raise
                self._models.popitem(last=False)

        return Room(self._device).fit(place)


def default_model(zoo: Zoo) -> str:
    """Return the model that is taken when none is named: the embedded orthogonal one, else any that is readable."""
    names = [entry.name for entry in zoo.trained()]
    if not names:
        raise OrthoError(
            "No trained model was found. Restore the folder assets/models of the installation, "
            "or train one with `orthoui train`."
        )
    return PREFERRED_MODEL if PREFERRED_MODEL in names else names[0]


_first = threading.Lock()
"""Two sessions that come first at once must not get a zoo each, with every model twice in memory."""


def zoo() -> Zoo:
    """Return the zoo of this process: shipped models first, then the user's own."""
    with _first:
        return _zoo()


@lru_cache(maxsize=1)
def _zoo() -> Zoo:
    return Zoo(settings().model_folders, resolve_device())
