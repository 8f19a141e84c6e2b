"""One table as it is written: cells with what is printed, what was measured, and how each number was obtained."""

import base64
import io
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, JsonValue, computed_field, model_validator

from orthoui.forgetting.finetuning import Epoch, FineTuning
from orthoui.forgetting.request import Attenuation, ForgetRequest
from orthoui.paper.printed import Quantity
from orthoui.paper.setting import Setting, TableName
from orthoui.training.recipe import Recipe

PERCENT: tuple[Quantity, ...] = ("forget_accuracy", "retain_accuracy", "membership")

Pixels = NDArray[np.uint8]
Kind = Literal["plain", "orthogonal", "retrained"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_computed(cls, fields: Any) -> Any:
        """Leave out what is written for other readers and follows from the rest."""
        if not isinstance(fields, Mapping):
            return fields
        return {name: value for name, value in fields.items() if name not in cls.model_computed_fields}


class Value(_Frozen):
    """One measured number with its 95 % interval, where it has one, and what it was counted on."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = Field(default=None, description="images counted, or runs that were timed")


class Pictures(_Frozen):
    """Equally large pictures as one tall PNG file in base64: grey levels between ``low`` and ``high``, or colours."""

    png: str = Field(max_length=5_000_000)
    count: int = Field(ge=1, le=10_000)
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def of(cls, pixels: Pixels, low: float = 0.0, high: float = 1.0) -> Self:
        """Pack (n, h, w) or (n, h, w, 3) pixels."""
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels.reshape(-1, *pixels.shape[2:]))).save(buffer, "PNG")
        return cls(png=base64.b64encode(buffer.getvalue()).decode("ascii"), count=len(pixels), low=low, high=high)

    @classmethod
    def of_values(cls, values: NDArray[np.floating[Any]]) -> Self:
        """Pack maps (n, h, w) in 256 levels from their least to their largest value."""
        low, high = float(values.min()), float(values.max())
        span = high - low or 1.0
        return cls.of(np.rint(255 * (values - low) / span).astype(np.uint8), low, high)

    def pixels(self) -> Pixels:
        """Return the pictures, (n, h, w) or (n, h, w, 3)."""
        with Image.open(io.BytesIO(base64.b64decode(self.png))) as image:
            tall = np.asarray(image, dtype=np.uint8)
        return tall.reshape(self.count, -1, *tall.shape[1:])

    def values(self) -> NDArray[np.float64]:
        """Return the maps as values between ``low`` and ``high``."""
        return self.low + (self.high - self.low) * self.pixels().astype(np.float64) / 255


class Draw(_Frozen):
    """One measurement of a cell: one network, and one draw of the images its channels were found with."""

    model: str
    model_digest: str
    training_seed: int
    images_digest: str
    seed: int | None = Field(description="draw of the images; None where nothing is drawn")
    request: ForgetRequest | None = Field(description="opens it in Forget; None where nothing is forgotten")
    fine_tuning: FineTuning | None = None
    epochs: tuple[Epoch, ...] = Field(default=(), description="of fine-tuning, as they were judged")
    settings: dict[str, JsonValue] = Field(default_factory=dict, description="what another method was asked")
    values: dict[Quantity, Value]
    pruned: dict[int, float] = Field(default_factory=dict, description="pruned channels shown, and what they keep")
    pictures: dict[str, Pictures] = Field(default_factory=dict)
    device: str
    precision: str
    seconds: float = Field(ge=0, description="time that the measurement took")
    date: datetime
    version: str


class Summary(_Frozen):
    """Several draws as one number: their mean, their standard deviation, and how many they are."""

    mean: float
    spread: float | None = Field(description="standard deviation over the draws; None for a single one")
    low: float
    high: float
    draws: int


class Cell(_Frozen):
    """One place of a table. ``draws`` is empty as long as it was not run; ``advice`` then says what to do."""

    id: str
    row: str
    column: str
    kind: Kind = Field(description="training of the network that is measured")
    measure: str
    at: float | None = Field(default=None, description="place on the curve: the ratio or strength")
    reading: Attenuation | None = Field(default=None, description="how equation (16) is read")
    quantities: tuple[Quantity, ...]
    printed: dict[Quantity, float] = Field(default_factory=dict)
    comparable: bool = Field(description="whether the printed numbers are for such a network on such images")
    printed_for: str = ""
    split: str = "test"
    wanted: int = Field(ge=1, description="draws that were asked for")
    draws: tuple[Draw, ...] = ()
    advice: str = ""
    command: str
    note: str = ""
    unlike: str = Field(
        default="", description="how its network was trained otherwise than the orthogonal one, e.g. other epochs"
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def measured(self) -> dict[Quantity, Summary]:
        """What was measured, over all draws."""
        found = {
            name: [draw.values[name].value for draw in self.draws if name in draw.values] for name in self.quantities
        }
        return {name: summary(values) for name, values in found.items() if values}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def difference(self) -> dict[Quantity, float]:
        """Measured minus printed, where the two are for the same thing."""
        if not self.comparable:
            return {}
        return {name: mean.mean - self.printed[name] for name, mean in self.measured.items() if name in self.printed}

    @property
    def complete(self) -> bool:
        """Whether every draw that was asked for is measured."""
        return len(self.draws) >= self.wanted

    def mean(self, quantity: Quantity) -> float | None:
        """Return the mean over the draws; None when it was not measured."""
        found = self.measured.get(quantity)
        return None if found is None else found.mean

    def by_training(self, quantity: Quantity) -> dict[int, float]:
        """Return the mean over the draws of every network, by its training seed."""
        found: dict[int, list[float]] = {}
        for draw in self.draws:
            if quantity in draw.values:
                found.setdefault(draw.training_seed, []).append(draw.values[quantity].value)
        return {seed: summary(values).mean for seed, values in sorted(found.items())}


def summary(values: list[float]) -> Summary:
    """Return mean and standard deviation of at least one value.

    >>> summary([1.0, 3.0]).mean, summary([1.0]).spread
    (2.0, None)
    """
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    spread = math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else None
    return Summary(mean=mean, spread=spread, low=min(values), high=max(values), draws=len(values))


class Table(_Frozen):
    """One table on one setting."""

    schema_version: Literal[1] = 1
    table: TableName
    paper: str
    setting: Setting
    classes: tuple[str, ...] = Field(description="names of the classes; empty where nobody knows them yet")
    cells: tuple[Cell, ...]
    trainings: dict[str, Recipe] = Field(
        default_factory=dict, description="how the measured networks were trained, by their digest, as far as known"
    )
    command: str
    updated: datetime | None = None

    @property
    def forgotten(self) -> str:
        """Name of the class that Tables 1 to 3 forget."""
        label = self.setting.forget_class
        return self.classes[label] if label < len(self.classes) else f"class {label}"

    @property
    def measured(self) -> tuple[Cell, ...]:
        """The cells with at least one draw."""
        return tuple(cell for cell in self.cells if cell.draws)

    def cell(self, cell_id: str) -> Cell | None:
        """Return a cell, or None when the table has none of that name."""
        return next((cell for cell in self.cells if cell.id == cell_id), None)
