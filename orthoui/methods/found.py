"""What methods were found to do to a shipped model: with their defaults, and with tuned settings.

Measured once (docs/methods.md says how) and shipped in ``assets/methods``, so that a person knows before the first
run here which defaults do not carry over to this network. ``orthoui compare --found`` notes what it measures there.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from orthoui.files import write_atomically
from orthoui.models.trained import TrainedModel
from orthoui.settings import assets_folder

GOAL = 5.0
"""Percent of the forgotten class, and points of the others, up to which a method counts as having forgotten."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Found(_Frozen):
    """One measurement on test images: percent left of the class, points that the others changed, seconds."""

    classes: tuple[int, ...]
    forgotten: float
    change: float
    seconds: float
    settings: dict[str, Any] = {}

    @property
    def reaches(self) -> bool:
        """Whether at most 5 % of the class is left and the others lost at most 5 points."""
        return self.forgotten <= GOAL and self.change >= -GOAL


class Known(_Frozen):
    """What is known of one method: with its defaults, and with settings tuned on calibration images."""

    defaults: Found | None = None
    tuned: Found | None = None


class KnownMethods(_Frozen):
    """What is known of a model, which its weights identify."""

    weights: str
    methods: dict[str, Known] = {}


def known_methods(model: TrainedModel) -> Mapping[str, Known]:
    """Return what is known of a shipped model's methods, by name; nothing for another one."""
    found = _shipped(model.name)
    return found.methods if found is not None and found.weights == model.weights else {}


@lru_cache(maxsize=32)
def _shipped(name: str) -> KnownMethods | None:
    return read_found(assets_folder() / "methods" / f"{name}.json")


def read_found(path: Path) -> KnownMethods | None:
    """Return what a file holds; None where there is none or another version wrote it."""
    try:
        return KnownMethods.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def add_found(path: Path, model: TrainedModel, results: Mapping[str, Found]) -> None:
    """Write measurements into a file, beside those that it holds already. Raises ``OSError``."""
    there = read_found(path)
    methods = dict(there.methods) if there is not None and there.weights == model.weights else {}
    for name, found in results.items():
        kind = "tuned" if found.settings else "defaults"
        methods[name] = methods.get(name, Known()).model_copy(update={kind: found})
    whole = KnownMethods(weights=model.weights, methods=dict(sorted(methods.items())))
    write_atomically(path, (whole.model_dump_json(indent=1, exclude_none=True) + "\n").encode())
