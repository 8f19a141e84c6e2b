"""The lines of the benchmark's table: one figure, its goal, and how it was had."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, computed_field

Unit = Literal["ms", "s", "×", "%", "MB"]
DIGITS = {"ms": 1, "s": 1, "×": 2, "%": 1, "MB": 1}

LEFT_OUT = "left out of a quick run: run “orthoui bench” without --quick"
NO_GPU = "there is no GPU here"
PLACES = {"cpu": "the processor", "cuda": "a GPU"}
"""Kinds of devices in words."""


class Row(BaseModel):
    """One figure. ``value`` is None where nothing was measured; ``reason`` then says why.

    ``goal`` is None for a figure that is only there to explain another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    unit: Unit
    goal: float | None = None
    bound: Literal["at most", "at least"] = "at most"
    value: float | None = None
    how: str = ""
    reason: str | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented form
    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None without a goal or a measurement."""
        if self.value is None or self.goal is None:
            return None
        return self.value <= self.goal if self.bound == "at most" else self.value >= self.goal

    def measured(self, value: float, how: str) -> "Row":
        """Return the row with its figure and how it was had."""
        return self.model_copy(update={"value": float(value), "how": how})

    def missing(self, reason: str) -> "Row":
        """Return the row as not measured, with the reason."""
        return self.model_copy(update={"value": None, "reason": reason})


def amount(value: float, unit: Unit) -> str:
    """Return a number with its unit.

    >>> amount(3.14159, "ms"), amount(1.3333, "×")
    ('3.1 ms', '1.33 ×')
    """
    return f"{value:,.{DIGITS[unit]}f} {unit}"


def median(values: Sequence[float]) -> float:
    """Return the median of at least one number."""
    return float(np.median(values))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` percent of the numbers lie, interpolated linearly."""
    return float(np.percentile(values, share))


def described(values: Sequence[float], unit: Unit, of: str = "repeats") -> str:
    """Say how many numbers there are and how far they spread.

    >>> described([1.0, 2.0, 3.0, 4.0, 5.0], "ms")
    'n = 5 repeats, median 3.0 ms, quartiles 2.0 to 4.0 ms, range 1.0 to 5.0 ms'
    """
    low, first, third, high = (f"{percentile(values, share):,.{DIGITS[unit]}f}" for share in (0, 25, 75, 100))
    return (
        f"n = {len(values)} {of}, median {amount(median(values), unit)}, "
        f"quartiles {first} to {third} {unit}, range {low} to {high} {unit}"
    )
