"""Layer by layer: every channel a mark at its activation difference, pruned ones standing out, the cut drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from orthoui.figures.heading import Key
from orthoui.figures.kinds import LayerDifferences, Mode
from orthoui.figures.rows import label_room, number_labels
from orthoui.figures.theme import SMALL_SIZE, Palette, palette, style, upright
from orthoui.figures.words import sentence, short

# Beyond this many marks a browser takes noticeable time; of larger networks every k-th channel by rank is drawn.
MAX_MARKS = 5000
ROW = 22
NUMBER_ROOM = 86
# Places along the axis are whole numbers from 0 (−1) over 1000 (zero) to 2000 (+1): half as long to send as
# numbers with a point, and never negative because plotly writes the bytes of negative ones at thrice the length.
ZERO = 1000


@dataclass(frozen=True)
class _Marks:
    x: npt.NDArray[np.int16]
    y: npt.NDArray[np.int8]
    channels: list[tuple[str, int]]


def layer_histograms(
    layers: Sequence[LayerDifferences],
    *,
    mode: Mode,
    title: str,
    subtitle: str = "",
    selected: tuple[str, int] | None = None,
) -> go.Figure:
    """Draw one row a layer and one mark a channel; a mark's ``customdata`` is (layer name, channel index).

    Each row is stretched to its own largest difference, because layers differ in scale and the cut is made layer
    by layer. ``selected`` (layer name, channel) gets a ring. Not for comparing sizes between layers.
    """
    tone = palette(mode)
    units = _units(layers)
    total = sum(len(layer.values) for layer in layers)
    step = -(-total // MAX_MARKS) if total else 1
    kept, pruned = _marks(layers, units, False, step), _marks(layers, units, True, step)
    figure = go.Figure()
    figure.add_trace(_strip(kept, "kept", {"symbol": "line-ns", "size": 9, "line": {"width": 1, "color": tone.kept}}))
    figure.add_trace(_cuts(layers, units, tone))
    figure.add_trace(_strip(pruned, "pruned", {"symbol": "circle", "size": 7, "color": tone.forgotten}))
    if selected is not None:
        _ring(figure, layers, units, selected, tone)
    _label(figure, layers, tone)
    figure.layout.xaxis = {
        "range": [-0.04 * ZERO, 2.04 * ZERO], "tickvals": [part * ZERO for part in (0, 0.5, 1, 1.5, 2)],
        "ticktext": ["−1", "−0.5", "0", "0.5", "1"], "title": "difference, share of the layer's largest",
    }  # fmt: skip
    key = [Key("●", (tone.forgotten,), "pruned"), Key("|", (tone.kept,), "kept"), Key("❙", (tone.cut,), "cut")]
    note = f"{subtitle} One in {step} channels is drawn.".strip() if step > 1 else subtitle
    figure.layout.shapes = [upright(ZERO, tone.control) | {"layer": "below"}]
    counts = [int(layer.pruned.sum()) for layer in layers]
    numbers = [f"{count} of {len(layer.pruned)}" for count, layer in zip(counts, layers, strict=True)]
    colours = [tone.forgotten if count else tone.muted for count in counts]
    return style(
        figure, mode, title=title, subtitle=note, key=key, body=ROW * len(layers), alt=_alt(title, layers),
        left=label_room([layer.name for layer in layers]), right=NUMBER_ROOM,
        labels=number_labels(numbers, colours, NUMBER_ROOM - 4, SMALL_SIZE),
    )  # fmt: skip


def _units(layers: Sequence[LayerDifferences]) -> list[float]:
    """Return how much difference one step of the axis is in each layer; a layer of zeros keeps its zeros."""
    return [(float(np.abs(layer.values).max(initial=0.0)) or 1.0) / ZERO for layer in layers]


def _marks(layers: Sequence[LayerDifferences], units: Sequence[float], pruned: bool, step: int) -> _Marks:
    x, y = [np.empty(0, np.int16)], [np.empty(0, np.int8)]
    channels: list[tuple[str, int]] = []
    for row, (layer, unit) in enumerate(zip(layers, units, strict=True)):
        chosen = np.flatnonzero(layer.pruned == pruned)
        # By rank from the top, so that the largest difference of every group is always among those drawn.
        chosen = chosen[np.argsort(-layer.values[chosen], kind="stable")][::step]
        x.append(np.rint(ZERO + layer.values[chosen] / unit).astype(np.int16))
        y.append(np.full(len(chosen), row, np.int8))
        channels += [(layer.name, int(channel)) for channel in chosen]
    return _Marks(np.concatenate(x), np.concatenate(y), channels)


def _strip(marks: _Marks, name: str, marker: dict[str, object]) -> go.Scatter:
    return go.Scatter(
        x=marks.x, y=marks.y, mode="markers", marker=marker, name=name, customdata=marks.channels,
        hovertemplate="%{customdata[0]}, channel %{customdata[1]}, " + name + "<extra></extra>",
    )  # fmt: skip


def _cuts(layers: Sequence[LayerDifferences], units: Sequence[float], tone: Palette) -> go.Scatter:
    rows = [row for row, layer in enumerate(layers) if layer.cut is not None]
    x = [round(ZERO + (layers[row].cut or 0.0) / units[row]) for row in rows]
    marker = {"symbol": "line-ns", "size": ROW - 4, "line": {"width": 2, "color": tone.cut}}
    return go.Scatter(x=x, y=rows, mode="markers", marker=marker, name="cut", hoverinfo="skip")


def _ring(
    figure: go.Figure, layers: Sequence[LayerDifferences], units: Sequence[float],
    selected: tuple[str, int], tone: Palette,
) -> None:  # fmt: skip
    name, channel = selected
    for row, layer in enumerate(layers):
        if layer.name == name and 0 <= channel < len(layer.values):
            marker = {"symbol": "circle-open", "size": 15, "color": tone.cut, "line": {"width": 2.5}}
            x = [round(ZERO + float(layer.values[channel]) / units[row])]
            figure.add_trace(
                go.Scatter(x=x, y=[row], mode="markers", marker=marker, name="selected", hoverinfo="skip")
            )


def _label(figure: go.Figure, layers: Sequence[LayerDifferences], tone: Palette) -> None:
    figure.layout.yaxis = {
        "range": [len(layers) - 0.5, -0.5], "tickvals": list(range(len(layers))), "showgrid": True,
        "ticktext": [short(layer.name, 16, 4) for layer in layers], "ticklabelstandoff": 8,
        "tickfont": {"size": 12, "color": tone.text},
    }  # fmt: skip


def _alt(title: str, layers: Sequence[LayerDifferences]) -> str:
    rows = "; ".join(f"{layer.name} {int(layer.pruned.sum())} of {len(layer.pruned)} channels" for layer in layers)
    return f"{sentence(title)} Pruned channels by layer: {rows}."
