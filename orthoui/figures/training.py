"""A training while it goes on: one curve over epochs, or two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from orthoui.figures.heading import Key
from orthoui.figures.kinds import Mode
from orthoui.figures.theme import Palette, palette, style
from orthoui.figures.words import sentence

BODY = 150
MARKED = 40
"""Epochs up to which every one has its own mark."""


@dataclass(frozen=True)
class EpochLine:
    """One curve: the value after every finished epoch. ``beside`` is the paler one, read against the main one.

    ``since``: points of the epoch under way, as the share of it that is done, 0 … 1, and the value so far.
    """

    name: str
    values: tuple[float, ...]
    kind: Literal["main", "beside"] = "main"
    since: tuple[tuple[float, float], ...] = ()


def epoch_lines(
    lines: Sequence[EpochLine],
    epochs: int,
    *,
    mode: Mode,
    title: str,
    subtitle: str,
    axis: str,
    unit: str = "",
    decimals: int = 1,
    limits: tuple[float, float] | None = None,
) -> go.Figure:
    """Draw curves over the epochs of a training; room is kept for all ``epochs``, so that nothing moves.

    ``limits`` are the ends of the upright axis; without them it begins at zero and grows with the values.
    """
    tone = palette(mode)
    figure = go.Figure([_trace(line, tone, epochs, unit, decimals) for line in lines])
    values = [value for line in lines for value in (*line.values, *(value for _, value in line.since))]
    largest = max(values, default=1.0)
    figure.layout.xaxis = {
        "range": [0, epochs + 0.5],
        "nticks": min(epochs, 6),
        "tickformat": "d",
        "title": "epoch",
    }
    figure.layout.yaxis = {"range": limits or (0, 1.08 * largest or 1.0), "nticks": 4, "title": axis}
    latest = {line.name: (*line.values, *(value for _, value in line.since))[-1:] for line in lines}
    last = "; ".join(f"{name} {value:.{decimals}f}{unit}" for name, found in latest.items() for value in found)
    return style(
        figure, mode, title=title, subtitle=subtitle, key=_key(lines, tone), body=BODY, left=52,
        alt=f"{sentence(title)} {f'Last values: {last}.' if last else 'No epoch is finished yet.'}",
    )  # fmt: skip


def _trace(line: EpochLine, tone: Palette, epochs: int, unit: str, decimals: int) -> go.Scatter:
    main = line.kind == "main"
    done = len(line.values)
    marked = epochs <= MARKED or done < 2
    return go.Scatter(
        x=[*range(1, done + 1), *(done + inside for inside, _ in line.since)],
        y=[*line.values, *(value for _, value in line.since)],
        name=line.name,
        mode="lines+markers" if marked else "lines",
        line={"color": tone.text if main else tone.before, "width": 2, "dash": "solid" if main else "dot"},
        marker={"size": [6] * done + [2] * len(line.since), "symbol": "circle" if main else "circle-open"},
        hovertemplate=f"epoch %{{x:.3~g}}: %{{y:.{decimals}f}}{unit} {line.name}<extra></extra>",
    )


def _key(lines: Sequence[EpochLine], tone: Palette) -> list[Key]:
    if len(lines) < 2:
        return []
    return [
        Key("●", (tone.text,), line.name) if line.kind == "main" else Key("○", (tone.before,), line.name)
        for line in lines
    ]
