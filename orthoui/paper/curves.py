"""What the curves of Tables 3(a) and 3(b) are drawn from, and which reading of equation (16) fits them better."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orthoui.figures import CurveLine
from orthoui.figures.curves import Group, Look
from orthoui.forgetting.request import Attenuation
from orthoui.paper.plans import READINGS
from orthoui.paper.printed import Quantity
from orthoui.paper.schema import PERCENT, Cell, Kind

QUANTITY_WORDS: dict[Quantity, str] = {
    "forget_accuracy": "forgotten class",
    "retain_accuracy": "other classes",
    "membership": "recognised as training images",
    "seconds": "time",
    "peak": "peak before",
    "peak_after": "peak after",
    "drift": "moved by",
}
MINUS = "−"


@dataclass(frozen=True)
class Fit:
    """How far a reading's curve is from the printed one: root mean square over ``points`` numbers, points."""

    reading: Attenuation
    distance: float
    points: int


def fits(cells: Iterable[Cell], kind: Kind = "orthogonal") -> tuple[Fit, ...]:
    """Return the readings by their distance to the printed curve, the nearer one first.

    Both accuracies of every ratio or strength count alike, and only those that all readings have measured: a curve
    that is only measured where it fits would win otherwise. Empty as long as there is none.
    """
    chosen = [cell for cell in cells if cell.kind == kind and cell.reading and cell.at is not None]
    pairs = {
        reading: {
            (cell.at, name): (mean, cell.printed[name])
            for cell in chosen
            if cell.reading == reading
            for name in cell.quantities
            if name in cell.printed and (mean := cell.mean(name)) is not None
        }
        for reading in READINGS
    }
    shared = set.intersection(*(set(found) for found in pairs.values()))
    if not shared:
        return ()
    found = [
        Fit(reading, root_mean_square([pairs[reading][point] for point in sorted(shared)]), len(shared))
        for reading in READINGS
    ]
    return tuple(sorted(found, key=lambda fit: fit.distance))


def root_mean_square(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the root-mean-square distance of pairs.

    >>> root_mean_square([(0.0, 3.0), (4.0, 0.0)])
    3.5355339059327378
    """
    return math.sqrt(math.fsum((one - other) ** 2 for one, other in pairs) / len(pairs))


def fit_words(cells: Iterable[Cell], comparable: bool, kind: Kind = "orthogonal") -> str:
    """Say which reading fits the printed curve better, by how much, and on what; empty when nobody knows yet."""
    found = fits(cells, kind)
    if not found:
        return ""
    near, far = found
    where = "the printed curve" if comparable else "the curve printed for another setting"
    if round(near.distance, 1) == round(far.distance, 1):
        return f"both readings are {near.distance:.1f} points from {where}"
    return (
        f"read as “{near.reading}” it is nearer to {where}: {near.distance:.1f} points away, "
        f"{far.distance:.1f} read as “{far.reading}”"
    )


GROUPS: tuple[tuple[Quantity, Group], ...] = (("forget_accuracy", "forgotten"), ("retain_accuracy", "retained"))
LOOKS: dict[Attenuation, Look] = {"floor": "first", "scaled": "second"}


def lines(cells: Iterable[Cell], kind: Kind) -> tuple[CurveLine, ...]:
    """Return the curves of one network: printed, and measured under each reading."""
    chosen = sorted(
        (cell for cell in cells if cell.kind == kind and cell.at is not None), key=lambda cell: cell.at or 0
    )
    found = []
    for quantity, group in GROUPS:
        printed = {cell.at or 0.0: cell.printed[quantity] for cell in chosen if quantity in cell.printed}
        found.append(CurveLine("printed", group, "printed", tuple(printed), tuple(printed.values())))
        for reading in READINGS:
            part = [cell for cell in chosen if cell.reading == reading]
            ends = [band(cell, quantity) or (None, None) for cell in part]
            found.append(
                CurveLine(
                    f"measured, “{reading}”", group, LOOKS[reading], tuple(cell.at or 0.0 for cell in part),
                    tuple(cell.mean(quantity) for cell in part),
                    tuple(low for low, _ in ends), tuple(high for _, high in ends),
                )
            )  # fmt: skip
    return tuple(found)


def band(cell: Cell, quantity: Quantity) -> tuple[float, float] | None:
    """Return the range of all draws' 95 % intervals, or of their values where they have none; None: not measured."""
    values = [draw.values[quantity] for draw in cell.draws if quantity in draw.values]
    if not values:
        return None
    low = min(value.value if value.low is None else value.low for value in values)
    return low, max(value.value if value.high is None else value.high for value in values)


def value_words(cell: Cell) -> str:
    """Return the means of a cell as one phrase."""
    parts = [f"{QUANTITY_WORDS[name]} {number(name, found.mean)}" for name, found in cell.measured.items()]
    return ", ".join(parts) or ("pictures" if cell.draws else unmeasured(cell))


def unmeasured(cell: Cell) -> str:
    """Return the words in place of a number that a cell does not have; a run, too, may find nothing to measure."""
    return "not measured" if cell.draws else "not yet run"


def number(quantity: Quantity, value: float) -> str:
    """Return a number with its unit.

    >>> number("forget_accuracy", 93.04), number("seconds", 0.1254), number("seconds", 4360.8)
    ('93.0 %', '0.13 s', '4361 s')
    """
    if quantity in PERCENT:
        return f"{value:.1f} %"
    if quantity == "seconds":
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s" if value < 100 else f"{value:.0f} s"
    return f"{value:.2f}"


def signed(value: float, decimals: int = 1) -> str:
    """Return a difference with its sign; what rounds to zero has none."""
    text = f"{abs(value):.{decimals}f}"
    return text if float(text) == 0 else ("+" if value > 0 else MINUS) + text
