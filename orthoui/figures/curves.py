"""Measured curves beside printed ones: accuracy over a setting, with a band."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from orthoui.figures.heading import Key
from orthoui.figures.kinds import Mode
from orthoui.figures.theme import Palette, palette, style, translucent
from orthoui.figures.words import percent, sentence

Group = Literal["forgotten", "retained"]
Look = Literal["printed", "first", "second"]

DASHES: dict[Look, str] = {"printed": "dash", "first": "solid", "second": "dot"}
SYMBOLS: dict[Look, str] = {"printed": "diamond-open", "first": "circle", "second": "square-open"}
GLYPHS: dict[Look, str] = {"printed": "◇┄", "first": "●─", "second": "□┈"}
BODY = 300


@dataclass(frozen=True)
class CurveLine:
    """One curve: ``y`` in percent over ``x``, ``None`` where it was not measured; ``low`` and ``high`` make its band.

    The colour says which ``group`` of classes it is about, dash and symbol say where it comes from.
    """

    name: str
    group: Group
    look: Look
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


def accuracy_curves(
    curves: Sequence[CurveLine], *, axis: str, mode: Mode, title: str, subtitle: str = ""
) -> go.Figure:
    """Draw accuracy in percent over a setting; a curve without any value is left out. ``axis`` names the setting."""
    tone = palette(mode)
    drawn = [curve for curve in curves if any(value is not None for value in curve.y)]
    figure = go.Figure()
    for curve in drawn:
        _band(figure, curve, tone)
    for curve in drawn:
        figure.add_trace(_line(curve, tone))
    places = sorted({place for curve in drawn for place in curve.x})
    figure.layout.xaxis = {"title": axis, "tickvals": places, "ticktext": [f"{place:g}" for place in places]}
    figure.layout.yaxis = {
        "range": [-3, 103],
        "tickvals": [0, 25, 50, 75, 100],
        "ticksuffix": " %",
        "tickfont": {"color": tone.muted},
    }
    return style(
        figure, mode, title=title, subtitle=subtitle, key=_key(drawn, tone), body=BODY, left=48, bottom=48,
        alt=_alt(title, drawn, axis),
    )  # fmt: skip


def _colour(curve: CurveLine, tone: Palette) -> str:
    return tone.forgotten if curve.group == "forgotten" else tone.retained


def _band(figure: go.Figure, curve: CurveLine, tone: Palette) -> None:
    spans = [
        (place, low, high)
        for place, low, high in zip(curve.x, curve.low or (None,) * len(curve.x), curve.high or (), strict=False)
        if low is not None and high is not None
    ]
    if len(spans) < 2:
        return
    x = [place for place, _, _ in spans]
    figure.add_trace(
        go.Scatter(
            x=[*x, *reversed(x)], y=[*(high for _, _, high in spans), *(low for _, low, _ in reversed(spans))],
            fill="toself", fillcolor=translucent(_colour(curve, tone), 0.16), line={"width": 0}, mode="lines",
            hoverinfo="skip", name=f"{curve.name}, band",
        )
    )  # fmt: skip


def _line(curve: CurveLine, tone: Palette) -> go.Scatter:
    colour = _colour(curve, tone)
    group = "forgotten class" if curve.group == "forgotten" else "other classes"
    return go.Scatter(
        x=list(curve.x), y=list(curve.y), mode="lines+markers", name=f"{group}, {curve.name}",
        line={"color": colour, "width": 1.5 if curve.look == "printed" else 2.5, "dash": DASHES[curve.look]},
        marker={"symbol": SYMBOLS[curve.look], "size": 8, "color": colour, "line": {"width": 2, "color": colour}},
        customdata=[_span(curve, place) for place in range(len(curve.x))],
        hovertemplate=f"{group}, {curve.name}<br>%{{x:g}}: %{{y:.1f}} %%{{customdata}}<extra></extra>",
    )  # fmt: skip


def _span(curve: CurveLine, place: int) -> str:
    low, high = (ends[place] if ends else None for ends in (curve.low, curve.high))
    return "" if low is None or high is None else f" ({low:.1f} to {high:.1f})"


def _key(drawn: Sequence[CurveLine], tone: Palette) -> list[Key]:
    entries = []
    for look in dict.fromkeys(curve.look for curve in drawn):
        alike = [curve for curve in drawn if curve.look == look]
        colours = tuple(dict.fromkeys(_colour(curve, tone) for curve in alike))
        entries.append(Key(GLYPHS[look], colours, alike[0].name))
    groups = dict.fromkeys(curve.group for curve in drawn)
    names = {"forgotten": "forgotten class", "retained": "other classes"}
    colour = {"forgotten": tone.forgotten, "retained": tone.retained}
    return entries + [Key("■", (colour[group],), names[group]) for group in groups]


def _alt(title: str, drawn: Sequence[CurveLine], axis: str) -> str:
    parts = [
        f"{curve.group} classes, {curve.name}: "
        + ", ".join(f"{place:g} {percent(value)}" for place, value in zip(curve.x, curve.y, strict=True))
        for curve in drawn
    ]
    return f"{sentence(title)} Accuracy over {axis}. " + "; ".join(parts) + "."
