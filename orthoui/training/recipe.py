"""How a network is trained: every number of it, with unit and source of the choice."""

import tomllib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from orthoui.errors import RequestError, UnknownNameError
from orthoui.settings import assets_folder
from orthoui.wording import joined, parse

PenalisedLayers = Literal["all", "no_stem", "no_1x1"]
Penalty = Literal["gram", "srip", "ocnn"]


class Recipe(BaseModel):
    """One training run. On one and the same processor, recipe, data and seed decide the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field(default="fashion-mnist", title="Data set", description="data set to train on, by name")
    architecture: str = Field(default="resnet18", description="kind of network, by name")
    width: int = Field(default=16, ge=4, le=512, description="channels of the first stage; the paper's is 64")
    orthogonality: float = Field(default=0.0, ge=0, le=1, description="weight λ of the penalty; 0 is plain")
    penalty: Penalty = Field(
        default="gram", description="gram: the paper's; srip: its spectral norm; ocnn: of the convolution as a whole"
    )
    ortho_layers: PenalisedLayers = Field(default="all", description="convolutions the penalty acts on")
    gradient_restriction: float = Field(
        default=0.0, ge=0, le=1, description="weight α of the norms of the gradient; IAU's code has 0.005; 0: none"
    )
    epochs: int = Field(default=18, ge=1, le=1000, description="passes over the training images")
    batch_size: int = Field(default=128, ge=2, le=8192, description="images per step")
    learning_rate: float = Field(default=0.1, gt=0, le=10, description="peak of the one-cycle schedule, for SGD")
    muon: float = Field(
        default=0.0, ge=0, le=1, description="peak rate of Muon, for convolutions before a batch norm; 0: SGD"
    )
    momentum: float = Field(
        default=0.9, ge=0, lt=1, description="Nesterov momentum; SGD's swings by 0.05 against the learning rate"
    )
    weight_decay: float = Field(default=5e-4, ge=0, le=0.1, description="of what SGD moves, but for norms and biases")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="share of the target given to all classes")
    crop_padding: int = Field(default=2, ge=0, le=16, description="pixels of the random shift")
    flip: bool = Field(default=True, description="mirror half of the images")
    alternate: bool = Field(default=False, description="mirror every image in every other epoch, not at random")
    cutout: int = Field(
        default=0, ge=0, le=512, description="side in pixels of a square that is blanked in every image; 0: none"
    )
    small_crop: int = Field(
        default=0, ge=0, le=512, description="side in pixels of the crops shown first, to save time; 0: whole images"
    )
    small_share: float = Field(default=0.6, ge=0, lt=1, description="share of the epochs that show small crops")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="draw of first weights, order and augmentation")
    forgets: tuple[int, ...] = Field(default=(), description="classes never shown: a retrained reference")


def check_left_out(recipe: Recipe, classes: Sequence[str]) -> None:
    """Raise ``RequestError`` for a class to leave out that is not there, or when fewer than two would be left."""
    left_out = sorted(set(recipe.forgets))
    if any(not 0 <= label < len(classes) for label in left_out):
        raise RequestError(
            f"The class to leave out does not exist: {recipe.dataset} has {len(classes)} classes. Choose another one."
        )
    if left_out and len(classes) - len(left_out) < 2:
        raise RequestError(
            f"{joined([classes[label] for label in left_out])} cannot be left out: at least two classes must be "
            "left to learn. Leave out fewer."
        )


@lru_cache(maxsize=1)
def recipes() -> dict[str, Recipe]:
    """Return the shipped recipes by name. They are data: one TOML file each in ``assets/recipes``."""
    return {path.stem: _read(path) for path in sorted((assets_folder() / "recipes").glob("*.toml"))}


def recipe_named(name: str) -> Recipe:
    """Return a shipped recipe, or the one in a file of one's own whose name ends in “.toml”.

    Raises ``UnknownNameError``, and ``RequestError`` for a file that cannot be read or is no recipe.
    """
    if name.endswith(".toml"):
        return _read(Path(name))
    if name not in recipes():
        raise UnknownNameError("recipe", name, recipes())
    return recipes()[name]


def _read(path: Path) -> Recipe:
    try:
        return parse(Recipe, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, RequestError) as error:
        raise RequestError(f"The recipe {path.name} cannot be read: {error}") from error
