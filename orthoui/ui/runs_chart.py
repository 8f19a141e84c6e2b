"""The session's settings together: what each leaves of the class, what it keeps of the others, and the best ones."""

from collections.abc import Sequence

import plotly.graph_objects as go

from orthoui.evaluation.front import unbeaten
from orthoui.evaluation.outcome import Outcome
from orthoui.evaluation.variants import Variant
from orthoui.figures import MethodPoint, Mode, PointKind, trade_off
from orthoui.models.zoo import zoo
from orthoui.ui.runs import Run

BESIDE: dict[Variant, tuple[str, PointKind]] = {
    "before": ("before", "original"),
    "retrained": ("retrained", "retrained"),
    "random": ("random channels", "control"),
}
SIZE = 0.2


def settings_figure(runs: Sequence[Run], picked: int | None, mode: Mode) -> go.Figure | None:
    """Return the chart of the newest run and those of the same model and classes; None where it is the only one."""
    newest = runs[-1].outcome
    alike = [run for run in runs if _subject(run.outcome) == _subject(newest)]
    points = [point for run in alike if (point := _run_point(run, run.number == picked)) is not None]
    if len(points) < 2:
        return None
    best = unbeaten([(point.forgotten, point.kept) for point in points])
    title = f"{points[best[0]].name} is better than every other setting"
    if len(best) > 1:
        title = f"{len(best)} of {len(points)} settings are not beaten by another"
    return trade_off(
        points + [point for name in BESIDE if (point := _point_beside(newest, name)) is not None],
        [points[place].key for place in best],
        mode=mode,
        title=title,
        subtitle=f"{newest.forgotten}, {zoo().get(newest.model).card.title}; test images; upper left is best; the "
        "dotted line joins what no other setting here beats; random channels are those of the newest run",
        what="run",
    )


def _subject(outcome: Outcome) -> tuple[str, tuple[int, ...]]:
    return outcome.model, outcome.request.classes


def _run_point(run: Run, picked: bool) -> MethodPoint | None:
    request = run.outcome.request
    words = f"ratio {request.ratio:g}, strength {request.strength:g}"
    return _point(run.outcome, "after", f"Run {run.number}", words, "method", picked)


def _point_beside(outcome: Outcome, variant: Variant) -> MethodPoint | None:
    name, kind = BESIDE[variant]
    return _point(outcome, variant, name, "for comparison", kind, picked=False)


def _point(
    outcome: Outcome, variant: Variant, name: str, words: str, kind: PointKind, picked: bool
) -> MethodPoint | None:
    measured = outcome.measured.get(variant)
    if measured is None or measured.accuracies.forget is None or measured.accuracies.retain is None:
        return None
    forgotten, kept = measured.accuracies.forget.value, measured.accuracies.retain.value
    return MethodPoint(name, name, forgotten, kept, SIZE, words, kind, picked)
