"""Runs of methods as rows that can be compared: the same numbers for the page and the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import mean, median
from typing import Any, Literal, get_args

from orthoui.evaluation.front import unbeaten
from orthoui.evaluation.unlearned import is_kept
from orthoui.jobs.method import KIND, STANDARD, digest_here, of_other_images, shortened
from orthoui.ledger import ACTIVE, Ledger, Run, RunFilter, Version
from orthoui.methods import METHODS
from orthoui.models.trained import TrainedModel

Measure = Literal[
    "forget_test",
    "retain_test",
    "forget_train",
    "retain_train",
    "membership_a",
    "membership_b",
    "distance",
    "relearn",
]
MEASURES: tuple[Measure, ...] = get_args(Measure)
LOOKED_AT = 10_000
DISTANCE = "distance"
"""Kind of the job that measures finished runs against a retrained model that came after them."""


@dataclass(frozen=True, eq=False)
class MethodRow:
    """A finished run of a method. ``values`` in percent, nats or steps; what is missing was not measured.

    ``seconds`` are those of the unlearning alone, ``samples`` the images read, ``passes`` forward and backward of one
    image each. ``capped``: some relearnings had not come back, so that their steps are a lower bound.
    ``confusion`` (classes, classes) counts test images by class and answer, ``confidence`` (classes,) is 0 … 1.
    """

    run: Run
    title: str
    control: bool
    values: Mapping[Measure, float]
    ranges: Mapping[Measure, tuple[float, float]]
    """95 % intervals of the values; of relearning the fewest and the most steps of its draws."""
    images: Mapping[Measure, int]
    """How many images each accuracy or distance was counted on."""
    per_class: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    confidence: tuple[float | None, ...]
    seconds: float
    samples: int
    passes: int
    capped: bool

    @property
    def distance_floor(self) -> tuple[float, float, float] | None:
        """How far two retrained networks of different seeds are from each other: mean and 95 % interval, nats."""
        found = self.run.metrics.get("distance_floor")
        value, ends = _value(found), _range(found)
        return None if value is None or ends is None else (value, *ends)

    @property
    def can_open(self) -> bool:
        """Whether its network is kept, so that the other pages can show it."""
        return is_kept(self.run.folder)

    @property
    def trained_before(self) -> bool:
        """Whether it is a retrained model that lay ready: its seconds are those of its training at that time."""
        return self.run.method == STANDARD and self.samples == 0

    def similarity(self, name: str) -> dict[str, dict[str, float]]:
        """Return linear CKA by group (forget, retain) and layer; a layer that does not vary has none."""
        found = self.run.metrics.get(name)
        groups = found if isinstance(found, dict) else {}
        return {
            group: {layer: float(value) for layer, value in layers.items() if isinstance(value, int | float)}
            for group, layers in groups.items()
            if isinstance(layers, dict)
        }


def row_of(run: Run) -> MethodRow:
    """Return what a finished run measured. What another version wrote otherwise counts as not measured."""
    method = METHODS[run.method] if run.method in set(METHODS) else None
    metrics, relearned = run.metrics, run.metrics.get("relearn")
    cost = metrics.get("cost") if isinstance(metrics.get("cost"), dict) else {}
    return MethodRow(
        run=run,
        title=method.title if method else run.method or "",
        control=bool(method and method.control),
        values={name: value for name in MEASURES if (value := _value(metrics.get(name))) is not None},
        ranges={name: ends for name in MEASURES if (ends := _range(metrics.get(name))) is not None},
        images={name: count for name in MEASURES if (count := _images(metrics.get(name))) is not None},
        per_class=tuple(_value(each) for each in _listed(metrics.get("per_class"))),
        confusion=tuple(tuple(int(cell) for cell in _listed(line)) for line in _listed(metrics.get("confusion"))),
        confidence=tuple(_number(each) for each in _listed(metrics.get("confidence"))),
        seconds=run.working_seconds,
        samples=_count(cost, "samples"),
        passes=_count(cost, "forward") + _count(cost, "backward"),
        capped=bool(isinstance(relearned, dict) and relearned.get("capped")),
    )


def _listed(found: Any) -> list[Any]:
    return list(found) if isinstance(found, list | tuple) else []


def _number(found: Any) -> float | None:
    return float(found) if isinstance(found, int | float) else None


def _count(cost: Any, name: str) -> int:
    return int(cost.get(name) or 0)


def _value(found: Any) -> float | None:
    """Return the middle of an estimate, an attack, a distance or a relearning; None where there is none."""
    if not isinstance(found, dict):
        return None
    if found.get("steps"):
        return float(mean(found["steps"]))
    return _number(found.get("value", found.get("mean")))


def _range(found: Any) -> tuple[float, float] | None:
    """Return the ends of a measure's interval; None where it has none."""
    if not isinstance(found, dict):
        return None
    if found.get("steps"):
        return float(min(found["steps"])), float(max(found["steps"]))
    low, high = _number(found.get("low")), _number(found.get("high"))
    return None if low is None or high is None else (low, high)


def _images(found: Any) -> int | None:
    count = found.get("n") if isinstance(found, dict) else None
    return count if isinstance(count, int) else None


def finished(book: Ledger, model: TrainedModel, classes: Sequence[int], *, every: bool = False) -> list[MethodRow]:
    """Return the finished runs of methods on a model and these classes, best first; the latest of each method.

    A shortened Retrain gives way to an earlier full one, which the others are compared with. Runs on other images
    than those of this machine are left out. ``every`` returns those with other settings and of other times too.
    """
    kept: dict[str, MethodRow] = {}
    for row in _of(book, model, classes, other_images=False):
        name = row.run.id if every else row.run.method or ""
        if name not in kept or (_trial(kept[name]) and not _trial(row)):
            kept[name] = row
    return sorted(kept.values(), key=_rank)


def left_out(book: Ledger, model: TrainedModel, classes: Sequence[int]) -> int:
    """Return how many finished runs on a model and these classes were measured on other images than today's."""
    return len(_of(book, model, classes, other_images=True))


def _of(book: Ledger, model: TrainedModel, classes: Sequence[int], *, other_images: bool) -> list[MethodRow]:
    """Return the rows of these classes, newest first: either those of today's images, or those of others."""
    rows = [row for row in _done(book, model) if set(_listed(row.run.request.get("classes"))) == set(classes)]
    images = digest_here(model) if rows else None
    return [row for row in rows if of_other_images(row.run, images) == other_images]


def _trial(row: MethodRow) -> bool:
    return row.run.method == STANDARD and shortened(row.run)


def _done(book: Ledger, model: TrainedModel) -> tuple[MethodRow, ...]:
    chosen = RunFilter(kind=(KIND,), state=("done",), model_digest=model.digest)
    return _rows(book, chosen, book.version_of(chosen))


@lru_cache(maxsize=4)
def _rows(book: Ledger, chosen: RunFilter, _: Version) -> tuple[MethodRow, ...]:
    """Read all rows, newest first; again only when one of them changed: pages ask often."""
    return tuple(row_of(run) for run in book.find(chosen, sort="-created", limit=LOOKED_AT))


def _rank(row: MethodRow) -> tuple[bool, float, float]:
    forgotten, kept = row.values.get("forget_test", 100.0), row.values.get("retain_test", 0.0)
    return row.control, forgotten - kept, row.seconds


def under_way(book: Ledger, model: TrainedModel, classes: Sequence[int]) -> list[Run]:
    """Return the runs of methods on a model and these classes that run or wait, oldest first.

    Measuring earlier ones beside a retrained model is one of them: it changes the rows too.
    """
    chosen = RunFilter(kind=(KIND, DISTANCE), state=ACTIVE, model_digest=model.digest)
    runs = book.find(chosen, sort="created")
    return [run for run in runs if not run.ended and set(_listed(run.request.get("classes"))) == set(classes)]


def standard(rows: Sequence[MethodRow]) -> MethodRow | None:
    """Return the retrained model among rows, that the others are compared with.

    Of several it is the latest one that was trained as long as the model was, if there is one.
    """
    retrained = [row for row in rows if row.run.method == STANDARD]
    return max(retrained, key=lambda row: (not _trial(row), row.run.created), default=None)


def without_distance(rows: Sequence[MethodRow]) -> list[MethodRow]:
    """Return the rows that were measured before there was a retrained model, as far as their networks are kept."""
    return [row for row in rows if row.run.method != STANDARD and "distance" not in row.values and row.can_open]


def full_standard(book: Ledger, model: TrainedModel, classes: Sequence[int]) -> MethodRow | None:
    """Return the latest Retrain of the ledger that was trained as long as the model was; None where there is none."""
    found = standard(finished(book, model, classes))
    return None if found is None or _trial(found) else found


def gaps(row: MethodRow, against: MethodRow | None) -> dict[Measure, float]:
    """Return every value minus the retrained model's, for those that both have."""
    if against is None:
        return {}
    return {name: value - against.values[name] for name, value in row.values.items() if name in against.values}


def times(row: MethodRow, against: MethodRow | None) -> float | None:
    """Return how many times faster than retraining a run was; None where one of both took no measured time.

    A control that forgets nothing, or only hides, is not faster at it: None too.
    """
    if against is None or row.control or not (against.seconds and row.seconds):
        return None
    return against.seconds / row.seconds


def front(rows: Sequence[MethodRow]) -> list[MethodRow]:
    """Return the rows that no other beats in both forgetting and keeping: the Pareto front, best forgetting first.

    Retraining is what they are measured against, and controls do not count: a mask would beat everything.
    """
    able = [row for row in rows if not row.control and row.run.method != STANDARD]
    points = [(row, both) for row in able if (both := _both(row)) is not None]
    return [points[place][0] for place in unbeaten([both for _, both in points])]


def _both(row: MethodRow) -> tuple[float, float] | None:
    values = row.values
    return (values["forget_test"], values["retain_test"]) if {"forget_test", "retain_test"} <= values.keys() else None


def expected_seconds(
    book: Ledger, model: TrainedModel, settings: Mapping[str, Mapping[str, Any]], *, relearn: bool
) -> dict[str, float]:
    """Return how long methods take from start to end, measurement included, by earlier runs on this model.

    ``settings`` by method, as they would be run; only runs with the same ones count, relearning included.
    """
    took: dict[str, list[float]] = {}
    for row in _done(book, model):
        run, asked = row.run, row.run.request
        alike = asked.get("settings", {}) == settings.get(run.method or "", {}) and asked.get("relearn") == relearn
        if run.method and run.started and run.finished and alike:
            took.setdefault(run.method, []).append((run.finished - run.started).total_seconds())
    return {name: median(seconds) for name, seconds in took.items()}
