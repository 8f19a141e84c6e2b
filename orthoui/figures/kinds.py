"""The plain values that figures are drawn from, and the types they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Mode = Literal["light", "dark"]
SeriesKind = Literal["before", "after", "retrained", "random", "mask"]
# One annotation as Plotly takes it: text, place, font.
Label = dict[str, Any]
Floats = npt.NDArray[np.floating[Any]]
Counts = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class AccuracySeries:
    """Accuracy per class of one model: percent, one value a class, ``None`` where it was not measured.

    ``low`` and ``high`` are the ends of the interval of each value, in percent; empty when there is none.
    """

    name: str
    kind: SeriesKind
    values: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Destination:
    """Share of the forgotten class's images answered with ``name``, in percent; ``None`` was not measured."""

    name: str
    after: float
    before: float | None = None
    retrained: float | None = None


@dataclass(frozen=True)
class DifferenceBins:
    """Binned activation differences: ``edges`` (bins + 1,), counts of kept and of pruned channels (bins,)."""

    edges: Sequence[float]
    kept: Sequence[int]
    pruned: Sequence[int]

    def __post_init__(self) -> None:
        if not len(self.edges) - 1 == len(self.kept) == len(self.pruned):
            raise ValueError("There must be one more edge than there are kept and pruned counts.")


@dataclass(frozen=True)
class LayerDifferences:
    """Activation difference of every channel of one layer: ``values`` (channels,), ``pruned`` (channels,) of bool.

    ``cut`` is the smallest difference that the plan prunes in this layer, ``None`` where it prunes nothing.
    """

    name: str
    values: Floats
    pruned: npt.NDArray[np.bool_]
    cut: float | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.values.shape != self.pruned.shape:
            raise ValueError(f"{self.name}: values and pruned must be two arrays of the same length.")
