"""How alike two networks are, layer by layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from orthoui.figures.heading import Key
from orthoui.figures.kinds import Mode
from orthoui.figures.theme import Palette, palette, style
from orthoui.figures.words import markup, sentence, short

BODY = 210
STROKES = {"solid": "━", "dash": "╍", "dot": "┈", "dashdot": "┅", "longdash": "╌", "longdashdot": "┄"}


@dataclass(frozen=True)
class SimilarityLine:
    """Linear CKA by layer, 0 … 1: of which images, and whose line it is."""

    name: str
    values: Mapping[str, float]
    group: Literal["forgotten", "retained"]
    dash: str = "solid"


def similarity_lines(lines: Sequence[SimilarityLine], *, mode: Mode, title: str, subtitle: str) -> go.Figure:
    """Draw linear CKA over the layers, from the first to the last; 1 is the same representation."""
    tone = palette(mode)
    layers = list(dict.fromkeys(layer for line in lines for layer in line.values))
    figure = go.Figure([_trace(line, layers, tone) for line in lines])
    figure.layout.xaxis = {
        "tickvals": list(range(len(layers))),
        "ticktext": [markup(short(layer, 20, 8)) for layer in layers],
        "tickangle": -55,
    }
    figure.layout.yaxis = {"range": [-0.02, 1.04], "nticks": 5, "title": "linear CKA"}
    key = [Key(STROKES.get(line.dash, "┄"), (_colour(line, tone),), line.name) for line in lines]
    spoken = "; ".join(
        f"{line.name}: {', '.join(f'{layer} {value:.2f}' for layer, value in line.values.items())}" for line in lines
    )
    return style(
        figure, mode, title=title, subtitle=subtitle, key=key, body=BODY, bottom=96, left=52,
        alt=f"{sentence(title)} {spoken}.",
    )  # fmt: skip


def _trace(line: SimilarityLine, layers: Sequence[str], tone: Palette) -> go.Scatter:
    return go.Scatter(
        x=[place for place, layer in enumerate(layers) if layer in line.values],
        y=[line.values[layer] for layer in layers if layer in line.values],
        mode="lines+markers",
        line={"color": _colour(line, tone), "width": 2, "dash": line.dash},
        marker={"size": 7, "symbol": "circle" if line.dash == "solid" else "circle-open"},
        name=line.name,
        hovertemplate=f"{line.name}: %{{y:.3f}}<extra></extra>",
    )


def _colour(line: SimilarityLine, tone: Palette) -> str:
    return tone.forgotten if line.group == "forgotten" else tone.retained
