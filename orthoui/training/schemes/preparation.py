"""What a training left beside its model, as a folder of safetensors files and one JSON document."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from orthoui.errors import CheckpointError
from orthoui.files import write_atomically
from orthoui.models.trained import TrainedModel
from orthoui.settings import settings
from orthoui.training.command import command_of, recipe_of
from orthoui.training.recipe import Recipe
from orthoui.training.schemes.options import SCHEMES, Scheme

ABOUT = "about.json"
ALLOWED = {"scheme": {"disk_gb"}}
"""What may change between two attempts at the same training: it decides nothing of what is stored."""
AT_THE_END = {"weights": None, "steps": ()}
"""What is known at its end only, where it may have been killed before the folder was in its place."""
NEEDED = {"amnesiac": "the log of its updates", "sisa": "the shards and slices it was trained in"}

log = logging.getLogger(__name__)


class About(BaseModel):
    """What the folder belongs to. ``weights`` is the finished model's digest, None while it is being trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheme: Scheme
    recipe: Recipe
    images: str = Field(description="digest of the training images")
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: str | None = None
    steps: tuple[int, ...] = Field(default=(), description="logged steps of each class, where updates are logged")


@dataclass(frozen=True)
class Preparation:
    """A folder beside a model, and what it says about itself."""

    folder: Path
    about: About

    def tensors(self, name: str) -> dict[str, Tensor]:
        """Read one of its files. Raises ``CheckpointError`` when it is missing or damaged."""
        path = self.folder / name
        try:
            with safe_open(path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{path} cannot be read ({type(error).__name__}). Copy the folder again or train the model anew."
            ) from error


def folder_of(path: Path, kind: str) -> Path:
    """Return the folder beside the checkpoint at ``path``."""
    return path.parent / f"{path.stem}.{kind}"


def unfinished_of(path: Path, kind: str) -> Path:
    """Return the folder of a training that goes on: what an earlier one left beside ``path`` stays until its end."""
    return path.parent / f"{path.stem}.{kind}.unfinished"


def put_in_place(unfinished: Path, folder: Path) -> None:
    """Let what was ``unfinished`` take the place of ``folder``, which is whole or gone at any moment."""
    former = folder.with_name(f"{folder.name}.former")
    shutil.rmtree(former, ignore_errors=True)
    if folder.exists():
        folder.rename(former)
    unfinished.rename(folder)
    shutil.rmtree(former, ignore_errors=True)


def read_about(folder: Path) -> About | None:
    """Return what a folder says about itself; None when it is not there or cannot be read, which is logged."""
    path = folder / ABOUT
    try:
        return About.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.warning("%s cannot be read (%s); the folder is not used.", path, type(error).__name__)
        return None


def write_about(folder: Path, about: About) -> None:
    """Write the document of a folder, atomically."""
    write_atomically(folder / ABOUT, about.model_dump_json(indent=1).encode())


def write_tensors(folder: Path, name: str, tensors: dict[str, Tensor]) -> None:
    """Write tensors into a file of the folder, atomically."""
    write_atomically(folder / name, save({key: part.cpu().contiguous() for key, part in tensors.items()}))


def begin(folder: Path, about: About, *, restart: bool) -> bool:
    """Make a folder ready; return whether a training of the same kind was interrupted there and goes on."""
    found = None if restart else read_about(folder)
    if found is not None:
        found = found.model_copy(update=AT_THE_END)
        if found.model_dump(exclude=ALLOWED) == about.model_dump(exclude=ALLOWED):
            return True
    shutil.rmtree(folder, ignore_errors=True)
    write_about(folder, about)
    return False


def preparation_of(model: TrainedModel, kind: str) -> Preparation | None:
    """Return what the training of a model left behind; None when there is nothing, or it is of other weights."""
    for folder in settings().model_folders:
        about = read_about(folder / f"{model.name}.{kind}")
        if about is not None and about.scheme.kind == kind and about.weights == model.weights:
            return Preparation(folder / f"{model.name}.{kind}", about)
    return None


def missing(model: TrainedModel, kind: str) -> str | None:
    """Say what a model lacks for a scheme and how to make it; None when nothing."""
    if preparation_of(model, kind) is not None:
        return None
    like_it = "of its kind" if model.card.origin == "imported" else "like it"
    command = command_of(recipe_of(model.card), f"--scheme {kind}", classes=model.card.classes)
    return f"{model.name} was trained without keeping {NEEDED[kind]}. Train one {like_it} that does: `{command}`."


def again(about: About, classes: Sequence[str]) -> str:
    """Return the command that makes a preparation and its model anew, over the old ones.

    ``classes`` are the names of the data set's classes.
    """
    usual = SCHEMES[about.scheme.kind]()
    fields = [(name, getattr(about.scheme, name)) for name in type(usual).model_fields]
    said = [f"--{name.replace('_', '-')} {value}" for name, value in fields if value != getattr(usual, name)]
    return command_of(about.recipe, f"--scheme {usual.kind}", *said, "--force", classes=classes)
