"""Pictures of all results together: forgetting against keeping, time, and the damage class by class."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from orthoui.figures import MethodPoint, Mode, PointKind, damage_grid, time_bars, trade_off
from orthoui.jobs.method import STANDARD
from orthoui.jobs.results import MethodRow, front
from orthoui.ui.methods.table import named
from orthoui.ui.methods.words import seconds_words

KINDS: dict[str, PointKind] = {"original": "original", STANDARD: "retrained"}


def trade_off_figure(rows: Sequence[MethodRow], picked: Sequence[str], mode: Mode) -> go.Figure:
    """Return forgetting against keeping, the size of a mark by its time."""
    best = front(rows)
    shown = [row for row in rows if {"forget_test", "retain_test"} <= row.values.keys()]
    points = [
        MethodPoint(
            key=row.run.id,
            name=row.title,
            forgotten=row.values["forget_test"],
            kept=row.values["retain_test"],
            size=mark_size(row.seconds, [one.seconds for one in shown]),
            note=seconds_words(row.seconds),
            kind=KINDS.get(row.run.method or "", "control" if row.control else "method"),
            picked=row.run.id in picked,
        )
        for row in shown
    ]
    names = [row.title for row in best]
    title = "Forgetting against keeping"
    if names:
        title = f"No other method beats {names[0]}" if len(names) == 1 else f"{len(names)} methods are not beaten"
    return trade_off(
        points,
        [row.run.id for row in best],
        mode=mode,
        title=title,
        subtitle="test images; upper left is best, a larger mark took longer; the dotted line joins what no other "
        "beats; click a mark to look closer",
    )


def mark_size(seconds: float, of_all: Sequence[float]) -> float:
    """Return the place of a time between the least and the most of all, on a logarithmic scale, 0 … 1."""
    logs = [math.log(max(one, 1e-3)) for one in of_all]
    low, high = min(logs), max(logs)
    return 0.3 if high == low else (math.log(max(seconds, 1e-3)) - low) / (high - low)


def time_figure(rows: Sequence[MethodRow], mode: Mode) -> go.Figure:
    """Return the seconds of unlearning, quickest first."""
    timed = sorted((row for row in rows if row.seconds > 0 and row.run.method != "original"), key=lambda r: r.seconds)
    title = "Time"
    same_clock = [row for row in timed if not row.control and not row.trained_before]
    quickest = {row.run.method: row for row in reversed(same_clock)}.values()  # the last one said of a method stays
    able = sorted(quickest, key=lambda row: row.seconds)
    if len(able) > 1:
        ratio = able[-1].seconds / able[0].seconds
        title = f"{able[0].title} is {ratio:,.0f} times as fast as {able[-1].title}"
    return time_bars(
        [named(row) for row in timed],
        [row.seconds for row in timed],
        [seconds_words(row.seconds) for row in timed],
        mode=mode,
        title=title,
        subtitle="unlearning alone, without its measurement",
    )


def damage_figure(
    rows: Sequence[MethodRow], original: MethodRow, classes: Sequence[str], forgotten: Sequence[int], mode: Mode
) -> go.Figure:
    """Return what every method did to every class, against the original."""
    compared = [row for row in rows if row is not original and len(row.per_class) == len(original.per_class)]
    changes = [
        [
            None if now is None or was is None else now - was
            for now, was in zip(row.per_class, original.per_class, strict=True)
        ]
        for row in compared
    ]
    losses = [
        (value, row.title, classes[label])
        for row, line in zip(compared, changes, strict=True)
        for label, value in enumerate(line)
        if value is not None and label not in forgotten and not row.control
    ]
    title = "What happens to every class"
    if losses and (worst := min(losses))[0] < -1:
        title = f"{worst[1]} harms {worst[2]} most: {-worst[0]:.1f} points"
    return damage_grid(
        [row.title for row in compared],
        classes,
        changes,
        forgotten,
        mode=mode,
        title=title,
        subtitle="change of test accuracy against the original, percentage points",
    )
