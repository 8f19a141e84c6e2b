"""The prediction matrix: which class is answered with which, and how sure the network is."""

from collections.abc import Collection, Sequence

import plotly.graph_objects as go

from orthoui.figures.kinds import Mode
from orthoui.figures.rows import label_room, name_rows, number_labels
from orthoui.figures.theme import CIVIDIS, SMALL_SIZE, palette, style
from orthoui.figures.words import markup, sentence, short

CELL = 22
CONFIDENCE_ROOM = 52
NAMED = 40
"""Classes up to which every cell and line is named."""


def prediction_matrix(
    shares: Sequence[Sequence[float]],
    confidence: Sequence[float | None],
    classes: Sequence[str],
    forgotten: Collection[int],
    *,
    mode: Mode,
    title: str,
    subtitle: str,
) -> go.Figure:
    """Draw percent of each class's images (row) by answer (column); at the right the mean probability of the answer.

    ``shares`` is (classes, classes), percent; ``confidence`` (classes,), 0 … 1, None where it was not measured.
    """
    tone = palette(mode)
    few = len(classes) <= NAMED
    figure = go.Figure(
        go.Heatmap(
            z=[list(row) for row in shares], zmin=0, zmax=100, colorscale=list(CIVIDIS), showscale=False,
            xgap=1, ygap=1,
            customdata=[[f"{row} → {column}" for column in classes] for row in classes] if few else None,
            hovertemplate=("%{customdata}: " if few else "class %{y} → %{x}: ") + "%{z:.1f} %<extra></extra>",
        )
    )  # fmt: skip
    name_rows(figure, classes, tone, forgotten)
    ticks = list(range(len(classes))) if few else []
    figure.layout.xaxis = {
        "tickvals": ticks,
        "ticktext": [markup(short(classes[place], 11)) for place in ticks],
        "tickangle": -55,
        "showgrid": False,
    }
    texts = ["–" if value is None else f"{100 * value:.0f} %" for value in confidence] if ticks else []
    sure = number_labels(texts, [tone.muted] * len(texts), CONFIDENCE_ROOM - 4, SMALL_SIZE)
    kept = "; ".join(
        f"{name}: {shares[place][place]:.0f} % right" + ("" if sure_of is None else f", {100 * sure_of:.0f} % sure")
        for place, (name, sure_of) in enumerate(zip(classes, confidence, strict=True))
    )
    return style(
        figure, mode, title=title, subtitle=subtitle, body=max(160, min(CELL, 720 // len(classes)) * len(classes)),
        bottom=86, left=label_room(classes), right=CONFIDENCE_ROOM, alt=f"{sentence(title)} {kept}.", labels=sure,
    )  # fmt: skip
