"""The session's settings together: what each leaves of the class, what it keeps of the others, and the best ones."""

from collections.abc import Sequence

import plotly.graph_objects as go

from orthoui.evaluation.front import unbeaten
from orthoui.evaluation.outcome import Outcome
from orthoui.evaluation.variants import Variant
from orthoui.figures import MethodPoint, Mode, PointKind, trade_off
from orthoui.forgetting.request import ForgetRequest
from orthoui.ui import controls
from orthoui.ui.runs import Run, title_of

BESIDE: dict[Variant, tuple[str, PointKind]] = {
    "before": ("before", "original"),
    "retrained": ("retrained", "retrained"),
    "random": ("random channels", "control"),
}
SIZE = 0.2


def settings_figure(runs: Sequence[Run], chosen: Run | None, mode: Mode) -> go.Figure | None:
    """Return the chart of a run, the newest unless one is ``chosen``, and of those of its model and classes.

    None where it is the only one.
    """
    subject = (chosen or runs[-1]).outcome
    alike = [run for run in runs if _subject(run.outcome) == _subject(subject)]
    points = [point for run in alike if (point := _run_point(run, run is chosen)) is not None]
    if len(points) < 2:
        return None
    best = unbeaten([(point.forgotten, point.kept) for point in points])
    title = f"{points[best[0]].name} is ahead of every other setting"
    if len(best) > 1:
        title = f"{len(best)} of {len(points)} settings are not beaten by another"
    return trade_off(
        points + [point for name in BESIDE if (point := _point_beside(alike[-1].outcome, name)) is not None],
        [points[place].key for place in best],
        mode=mode,
        title=title,
        subtitle=f"{subject.forgotten}, {title_of(subject.model)}; test images; upper left is best; the dotted line "
        "joins what no other setting here beats; random channels: an estimate, those of the newest run",
        what="run",
    )


def _subject(outcome: Outcome) -> tuple[str, tuple[int, ...]]:
    return outcome.model, outcome.request.classes


def _run_point(run: Run, picked: bool) -> MethodPoint | None:
    words = settings_words(run.outcome.request)
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


def settings_words(request: ForgetRequest) -> str:
    """Say a setting in the words of the controls, what differs most often first."""
    edits = len(request.edits)
    by_hand = [f"{edits} channel{'s' if edits > 1 else ''} set by hand"] if edits else []
    words = [controls.WORDS[name].lower() for name in (request.score, request.target, request.attenuation)]
    scope = controls.scope_words(request.scope).lower()
    return ", ".join([f"ratio {request.ratio:g}", f"strength {request.strength:g}", *by_hand, scope, *words])
