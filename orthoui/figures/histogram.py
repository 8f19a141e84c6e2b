"""Activation differences of channels: all together as a histogram, and layer by layer with every channel drawn."""

import numpy as np
import plotly.graph_objects as go

from orthoui.figures.heading import Key
from orthoui.figures.kinds import Counts, DifferenceBins, Floats, Label, Mode
from orthoui.figures.theme import Palette, palette, style, upright
from orthoui.figures.words import sentence

HEIGHT = 220
ROUND = (1, 5, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)


def difference_histogram(
    bins: DifferenceBins,
    *,
    cut: float | None = None,
    mode: Mode,
    title: str,
    subtitle: str = "",
    axis: str = "activation difference",
    body: int = HEIGHT,
) -> go.Figure:
    """Draw the differences of all channels, the pruned part vermillion, the cut (if there is one) as a line.

    Bar heights are square roots of the counts: a handful of pruned channels stays visible beside thousands near
    zero. ``customdata`` of a bar is (bin, lower edge, upper edge, channels).
    """
    tone = palette(mode)
    edges = np.asarray(bins.edges, dtype=np.float64)
    pruned, kept = np.asarray(bins.pruned, np.int64), np.asarray(bins.kept, np.int64)
    figure = go.Figure()
    figure.add_trace(_bars("pruned", edges, pruned, np.zeros_like(pruned), tone.forgotten))
    # Pruned channels stand on the axis, kept ones above them, so that few pruned ones are never a thin cap.
    figure.add_trace(_bars("kept", edges, kept, pruned, tone.kept))
    figure.layout.barmode, figure.layout.bargap = "overlay", 0
    tallest = float((kept + pruned).max(initial=1))
    # Round counts whose labels do not touch each other on the square-root axis.
    marks = [0, *(count for count in ROUND if 0.01 < count / tallest <= 1.3)]
    figure.layout.yaxis = {
        "range": [0, np.sqrt(tallest) * 1.2], "tickvals": [float(np.sqrt(count)) for count in marks],
        "ticktext": [f"{count:,}" for count in marks], "tickfont": {"size": 12, "color": tone.muted},
        "title": "channels (square-root scale)",
    }  # fmt: skip
    figure.layout.xaxis = {
        "range": [edges[0], edges[-1]], "nticks": 7, "showgrid": False,
        "title": axis,
    }  # fmt: skip
    if cut is not None:
        figure.layout.shapes = [upright(cut, tone.cut, 2)]
    total_pruned, total_kept = int(pruned.sum()), int(kept.sum())
    key = [Key("■", (tone.forgotten,), f"pruned: {total_pruned:,}"), Key("■", (tone.kept,), f"kept: {total_kept:,}")]
    labels = [] if cut is None else [_cut_label(cut, edges, tone)]
    where = "" if cut is None else f", cut at {cut:.2f}"
    alt = f"{sentence(title)} Histogram of {total_pruned + total_kept:,} channels: {total_pruned:,} pruned{where}."
    return style(
        figure, mode, title=title, subtitle=subtitle, key=key, body=body, alt=alt, left=52, bottom=48, labels=labels
    )


def _bars(name: str, edges: Floats, counts: Counts, below: Counts, colour: str) -> go.Bar:
    filled = np.flatnonzero(counts)
    base = np.sqrt(below[filled])
    return go.Bar(
        x=((edges[:-1] + edges[1:]) / 2)[filled], width=np.diff(edges)[filled] * 0.92,
        y=np.sqrt(below[filled] + counts[filled]) - base, base=base, name=name,
        marker={"color": colour, "line": {"width": 0}},
        customdata=[[int(i), float(edges[i]), float(edges[i + 1]), int(counts[i])] for i in filled],
        hovertemplate=f"%{{customdata[3]}} {name}, "
        "difference %{customdata[1]:.2f} to %{customdata[2]:.2f}<extra></extra>",
    )  # fmt: skip


def _cut_label(cut: float, edges: Floats, tone: Palette) -> Label:
    left_half = cut < (edges[0] + edges[-1]) / 2
    return {
        "x": cut, "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "left" if left_half else "right",
        "xshift": 6 if left_half else -6, "text": f"cut {cut:.2f}", "font": {"color": tone.cut}, "showarrow": False,
    }  # fmt: skip
