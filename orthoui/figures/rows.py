"""What the charts with one row per class share: names at the left, numbers at the right, a fixed row height."""

from collections.abc import Collection, Sequence

import plotly.graph_objects as go

from orthoui.figures.kinds import Label
from orthoui.figures.theme import TEXT_SIZE, Palette
from orthoui.figures.words import markup, short, tabular

LETTER = 7.4
LONGEST = 16
"""Characters of a row's name; of a longer one the beginning is written."""


def row_height(rows: int) -> int:
    """Return the height of a row in pixels; many rows (100 classes) come closer together."""
    return 30 if rows <= 20 else 19


def label_room(names: Sequence[str], limit: int = LONGEST) -> int:
    """Return the width in pixels that the row names need."""
    return round(max((len(short(name, limit)) for name in names), default=0) * LETTER) + 14


def name_rows(
    figure: go.Figure, names: Sequence[str], tone: Palette, strong: Collection[int] = (), limit: int = LONGEST
) -> None:
    """Set the upright axis: names from top to bottom, those in ``strong`` (forgotten classes) bold and vermillion."""
    written = []
    for place, name in enumerate(names):
        text = markup(short(name, limit))
        written.append(f'<b><span style="color:{tone.forgotten}">{text}</span></b>' if place in strong else text)
    figure.layout.yaxis = {
        "range": [len(names) - 0.5, -0.5], "tickvals": list(range(len(names))), "ticktext": written,
        "ticklabelstandoff": 10, "showgrid": False,
    }  # fmt: skip


def number_labels(texts: Sequence[str], colours: Sequence[str], right: int, size: int = TEXT_SIZE) -> list[Label]:
    """Return one number for the right end of each row, right-aligned in the margin of ``right`` pixels."""
    return [
        {
            "text": tabular(text), "font": {"size": size, "color": colour}, "showarrow": False,
            "x": 1, "xref": "paper", "xanchor": "right", "xshift": right,
            "y": place, "yref": "y", "yanchor": "middle",
        }
        for place, (text, colour) in enumerate(zip(texts, colours, strict=True))
    ]  # fmt: skip
