"""Methods side by side: forgetting against keeping, the time they take, and what they do to every class."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from orthoui.figures.heading import Key
from orthoui.figures.kinds import Label, Mode
from orthoui.figures.rows import label_room, name_rows, number_labels
from orthoui.figures.theme import SMALL_SIZE, Palette, diverging, palette, style, translucent
from orthoui.figures.words import markup, sentence, short, signed

PointKind = Literal["method", "control", "retrained", "original"]
SYMBOLS: dict[PointKind, str] = {
    "method": "circle", "control": "square-open", "retrained": "diamond", "original": "circle-open",
}  # fmt: skip
BODY = 330
SMALLEST, LARGEST = 9, 34
RIGHT_EDGE, BESIDE = 70, 24
"""Percent left on the forgotten classes: from where names stand on the left, and within which they would touch."""
NAME_HEIGHT = 14
RAISED = 8
"""Pixels by which names stand above the middle of their mark: the line of the front leaves it there."""
NAMED = 14
"""Points up to which every one carries its name; of more those on the front and those that stand alone do."""
LONG = 24
"""Characters of a method's name."""
ROW = 26
CELL = 28


@dataclass(frozen=True)
class MethodPoint:
    """One run: its key for a click, percent of the forgotten class left and of the others kept, marker size 0 … 1."""

    key: str
    name: str
    forgotten: float
    kept: float
    size: float
    note: str
    kind: PointKind
    picked: bool = False


def trade_off(
    points: Sequence[MethodPoint],
    front: Sequence[str],
    *,
    mode: Mode,
    title: str,
    subtitle: str,
    what: str = "method",
) -> go.Figure:
    """Draw accuracy kept on the other classes over accuracy left on the forgotten ones; best is the upper left.

    ``front`` names by key, in order, the runs that no other beats; they are joined by a line. A mark's
    ``customdata`` is its key; ``what`` names a mark in the chart's key.
    """
    tone = palette(mode)
    by_key = {point.key: point for point in points}
    best = [by_key[key] for key in front if key in by_key]
    line = go.Scatter(
        x=[point.forgotten for point in best], y=[point.kept for point in best], mode="lines",
        line={"color": tone.muted, "width": 1.5, "dash": "dot", "shape": "hv"}, hoverinfo="skip",
    )  # fmt: skip
    figure = go.Figure([line, _marks(points, tone)])
    lowest = min((point.kept for point in points), default=0.0)
    highest = max((point.kept for point in points), default=100.0)
    room = max(2.0, 0.12 * (highest - lowest))
    figure.layout.xaxis = {
        "range": [-6, 106],
        "title": "accuracy left on the forgotten classes (%)",
    }
    ends = max(-4.0, lowest - room), min(104.0, highest + room)
    figure.layout.yaxis = {"range": ends, "title": "accuracy of the others (%)"}
    scale = BODY / (ends[1] - ends[0])
    named = [
        point for point in points
        if len(points) <= NAMED or point in best or point.kind != "method" or _alone(point, points, scale)
    ]  # fmt: skip
    return style(
        figure, mode, title=title, subtitle=subtitle, key=_key(points, what, tone), body=BODY, left=54,
        alt=f"{sentence(title)} "
        + "; ".join(f"{point.name}: {point.forgotten:.1f} % left, {point.kept:.1f} % kept" for point in points)
        + ".",
        labels=_names(named, tone, scale),
    )  # fmt: skip


def _marks(points: Sequence[MethodPoint], tone: Palette) -> go.Scatter:
    colours = [_colour(point.kind, tone) for point in points]
    return go.Scatter(
        x=[point.forgotten for point in points],
        y=[point.kept for point in points],
        mode="markers",
        customdata=[[point.key, point.name, point.note] for point in points],
        marker={
            "size": [SMALLEST + (LARGEST - SMALLEST) * point.size for point in points],
            "symbol": [SYMBOLS[point.kind] for point in points],
            "color": colours,
            "opacity": 0.85,
            "line": {"width": [3 if point.picked else 1.5 for point in points],
                     "color": [tone.text if point.picked else colour
                               for point, colour in zip(points, colours, strict=True)]},
        },
        hovertemplate="%{customdata[1]}: %{x:.1f} % left, %{y:.1f} % kept, %{customdata[2]}<extra></extra>",
    )  # fmt: skip


def _colour(kind: PointKind, tone: Palette) -> str:
    return {"method": tone.retained, "control": tone.control, "retrained": tone.retrained, "original": tone.before}[
        kind
    ]


def _alone(point: MethodPoint, points: Sequence[MethodPoint], pixels_per_point: float) -> bool:
    """Whether the name of a mark would touch no other mark."""
    return not any(
        abs(other.forgotten - point.forgotten) < BESIDE
        and abs(other.kept - point.kept) * pixels_per_point < NAME_HEIGHT
        for other in points
        if other is not point
    )


def _names(points: Sequence[MethodPoint], tone: Palette, pixels_per_point: float) -> list[Label]:
    """Write names beside marks, left of those at the right edge; neighbours move down until all can be read."""
    labels: list[Label] = []
    written: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda one: -one.kept):
        left = point.forgotten > RIGHT_EDGE
        height = -pixels_per_point * point.kept  # downwards
        for other, below in sorted(written, key=lambda one: one[1]):
            if abs(other - point.forgotten) < BESIDE and abs(below - height) < NAME_HEIGHT:
                height = below + NAME_HEIGHT
        written.append((point.forgotten, height))
        labels.append({
            "text": markup(short(point.name, LONG)), "showarrow": False,
            "bgcolor": translucent(tone.background, 0.75), "borderpad": 0,  # where it must lie over a mark
            "font": {"size": SMALL_SIZE, "color": tone.text if point.picked else tone.muted},
            "x": point.forgotten, "y": point.kept, "xanchor": "right" if left else "left", "yanchor": "middle",
            "xshift": (-1 if left else 1) * round(6 + (SMALLEST + (LARGEST - SMALLEST) * point.size) / 2),
            "yshift": RAISED - round(height + pixels_per_point * point.kept),
        })  # fmt: skip
    return labels


def _key(points: Sequence[MethodPoint], what: str, tone: Palette) -> list[Key]:
    there = {point.kind for point in points}
    entries = (
        ("method", Key("●", (tone.retained,), what)),
        ("control", Key("□", (tone.control,), "control")),
        ("retrained", Key("◆", (tone.retrained,), "retrained")),
        ("original", Key("○", (tone.before,), "original")),
    )
    return [key for kind, key in entries if kind in there]


def time_bars(
    names: Sequence[str], seconds: Sequence[float], texts: Sequence[str], *, mode: Mode, title: str, subtitle: str
) -> go.Figure:
    """Draw the seconds of every run on a logarithmic axis, with ``texts`` as their numbers."""
    tone = palette(mode)
    places = list(range(len(names)))
    right = 86
    figure = go.Figure(
        go.Scatter(
            x=list(seconds), y=places, mode="markers", marker={"size": 11, "color": tone.retained},
            customdata=list(texts), hovertemplate="%{customdata}<extra></extra>",
        )
    )  # fmt: skip
    least = min(seconds, default=1.0)
    figure.layout.shapes = [
        {
            "type": "line", "x0": least / 2, "x1": value, "y0": place, "y1": place, "layer": "below",
            "line": {"color": tone.faint, "width": 6},
        }
        for place, value in zip(places, seconds, strict=True)
    ]  # fmt: skip
    name_rows(figure, names, tone, limit=LONG)
    decades = math.log10(max(seconds, default=1.0) / least) if least > 0 else 1.0
    figure.layout.xaxis = {
        "type": "log", "title": "seconds, logarithmic", "exponentformat": "none",
        "dtick": max(1, math.ceil(decades / 4)), "tickangle": 0,
    }  # fmt: skip
    return style(
        figure, mode, title=title, subtitle=subtitle, body=ROW * len(names),
        alt=f"{sentence(title)} " + "; ".join(f"{n}: {t}" for n, t in zip(names, texts, strict=True)) + ".",
        left=label_room(names, LONG) + 12, right=right,
        labels=number_labels(texts, [tone.text] * len(names), right - 4),
    )  # fmt: skip


def damage_grid(
    names: Sequence[str],
    classes: Sequence[str],
    changes: Sequence[Sequence[float | None]],
    forgotten: Collection[int],
    *,
    mode: Mode,
    title: str,
    subtitle: str,
) -> go.Figure:
    """Draw the change of every class's accuracy (columns) by every run (rows), percentage points.

    Colours reach their ends at 20 points, so that damage to the retained classes is told apart.
    """
    tone = palette(mode)
    written = len(classes) <= 12
    figure = go.Figure(
        go.Heatmap(
            z=[list(row) for row in changes],
            colorscale=[list(stop) for stop in diverging(mode)],
            zmin=-20, zmax=20, zmid=0, showscale=False, xgap=1, ygap=1,
            text=[["–" if value is None else signed(value, 0) for value in row] for row in changes],
            texttemplate="%{text}" if written else None,
            textfont={"size": 10},  # without a colour Plotly takes the one that stands out
            customdata=[[list(classes)[place] for place in range(len(classes))] for _ in changes],
            hovertemplate="%{customdata}: %{z:+.1f} points<extra></extra>",
        )
    )  # fmt: skip
    name_rows(figure, names, tone, limit=LONG)
    heads = [
        f'<b><span style="color:{tone.forgotten}">{markup(short(name, 11))}</span></b>'
        if place in forgotten else markup(short(name, 11))
        for place, name in enumerate(classes)
    ]  # fmt: skip
    figure.layout.xaxis = {
        "tickvals": list(range(len(classes))) if len(classes) <= 40 else [],
        "ticktext": heads,
        "tickangle": -55,
        "showgrid": False,
    }
    worst = "; ".join(
        f"{name}: {', '.join(f'{c} {signed(v)}' for c, v in zip(classes, row, strict=True) if v is not None)}"
        for name, row in zip(names, changes, strict=True)
    )
    return style(
        figure, mode, title=title, subtitle=subtitle, body=CELL * len(names), bottom=86,
        left=label_room(names, LONG) + 12,
        key=[Key("■", (tone.loss,), "20 points lost or more"), Key("■", (tone.gain,), "20 gained")],
        alt=f"{sentence(title)} Points by class: {worst}.",
    )  # fmt: skip
