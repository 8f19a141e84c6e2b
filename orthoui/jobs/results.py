"""Runs of methods as rows that can be compared: the same numbers for the page and the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, Literal, get_args

from orthoui.evaluation.unlearned import is_kept
from orthoui.jobs.method import KIND
from orthoui.ledger import ACTIVE, Ledger, Run, RunFilter
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
LOOKED_AT = 1000
STANDARD = "retrain"


@dataclass(frozen=True, eq=False)
class MethodRow:
    """A finished run of a method. ``values`` in percent, nats or steps; what is missing was not measured.

    ``seconds`` are those of the unlearning alone, ``samples`` the images read, ``passes`` forward and backward of one
    image each. ``capped`` of the relearnings had not come back, so that their steps are a lower bound.
    """

    run: Run
    title: str
    control: bool
    values: Mapping[Measure, float]
    per_class: tuple[float | None, ...]
    seconds: float
    samples: int
    passes: int
    capped: bool

    @property
    def can_open(self) -> bool:
        """Whether its network is kept, so that the other pages can show it."""
        return is_kept(self.run.folder)


def row_of(run: Run) -> MethodRow:
    """Return what a finished run measured. What another version wrote otherwise counts as not measured."""
    method = METHODS[run.method] if run.method in set(METHODS) else None
    cost = run.metrics.get("cost", {})
    relearned = run.metrics.get("relearn")
    return MethodRow(
        run=run,
        title=method.title if method else run.method or "",
        control=bool(method and method.control),
        values={name: value for name in MEASURES if (value := _value(run.metrics.get(name))) is not None},
        per_class=tuple(_value(each) for each in run.metrics.get("per_class", ())),
        seconds=sum(run.timings.values()),
        samples=int(cost.get("samples", 0)),
        passes=int(cost.get("forward", 0)) + int(cost.get("backward", 0)),
        capped=bool(isinstance(relearned, dict) and relearned.get("capped")),
    )


def _value(found: Any) -> float | None:
    """Return the middle of an estimate, an attack, a distance or a relearning; None where there is none."""
    if not isinstance(found, dict):
        return None
    if found.get("steps"):
        return float(mean(found["steps"]))
    value = found.get("value", found.get("mean"))
    return None if value is None else float(value)


def finished(book: Ledger, model: TrainedModel, classes: Sequence[int], *, every: bool = False) -> list[MethodRow]:
    """Return the finished runs of methods on a model and these classes, best first; the latest of each method.

    ``every`` returns those with other settings and of other times too.
    """
    chosen = RunFilter(kind=(KIND,), state=("done",), model_digest=model.digest)
    found: dict[str, Run] = {}
    for run in book.find(chosen, sort="-created", limit=LOOKED_AT):
        if set(run.request.get("classes", ())) == set(classes):
            found.setdefault(run.id if every else run.method or "", run)
    return sorted((row_of(run) for run in found.values()), key=_rank)


def _rank(row: MethodRow) -> tuple[bool, float, float]:
    forgotten, kept = row.values.get("forget_test", 100.0), row.values.get("retain_test", 0.0)
    return row.control, forgotten - kept, row.seconds


def under_way(book: Ledger, model: TrainedModel, classes: Sequence[int]) -> list[Run]:
    """Return the runs of methods on a model and these classes that run or wait, oldest first."""
    chosen = RunFilter(kind=(KIND,), state=ACTIVE, model_digest=model.digest)
    runs = book.find(chosen, sort="created")
    return [run for run in runs if not run.ended and set(run.request.get("classes", ())) == set(classes)]


def standard(rows: Sequence[MethodRow]) -> MethodRow | None:
    """Return the retrained model among rows, which the others are compared with."""
    return next((row for row in rows if row.run.method == STANDARD), None)


def gaps(row: MethodRow, against: MethodRow | None) -> dict[Measure, float]:
    """Return every value minus the retrained model's, for those that both have."""
    if against is None:
        return {}
    return {name: value - against.values[name] for name, value in row.values.items() if name in against.values}


def times(row: MethodRow, against: MethodRow | None) -> float | None:
    """Return how many times faster than retraining a run was; None where one of both took no measured time."""
    return against.seconds / row.seconds if against and against.seconds and row.seconds else None


def front(rows: Sequence[MethodRow]) -> list[MethodRow]:
    """Return the rows that none other beats in both forgetting and keeping: the Pareto front, best forgetting first.

    Retraining is what they are measured against, and controls do not count: a mask would beat everything.
    """
    able = [
        row
        for row in rows
        if not row.control and row.run.method != STANDARD and {"forget_test", "retain_test"} <= row.values.keys()
    ]
    best: list[MethodRow] = []
    for row in sorted(able, key=lambda one: (one.values["forget_test"], -one.values["retain_test"])):
        if not best or row.values["retain_test"] > best[-1].values["retain_test"]:
            best.append(row)
    return best


def expected_seconds(book: Ledger, model: TrainedModel) -> dict[str, float]:
    """Return how long a run of every method takes from start to end, measurement included, by earlier runs here.

    Those on the same model count; without one, those on the same architecture and data.
    """
    card = model.card
    chosen = RunFilter(kind=(KIND,), state=("done",), architecture=card.architecture, dataset=card.dataset)
    same: dict[str, list[float]] = {}
    alike: dict[str, list[float]] = {}
    for run in book.find(chosen, sort="-finished", limit=LOOKED_AT):
        if run.method and run.started and run.finished:
            kept = same if run.model_digest == model.digest else alike
            kept.setdefault(run.method, []).append((run.finished - run.started).total_seconds())
    return {name: median(same.get(name) or alike[name]) for name in same.keys() | alike.keys()}
