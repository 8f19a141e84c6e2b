"""The effect of a change on every class, in percentage points around zero."""

from collections.abc import Collection, Sequence

import plotly.graph_objects as go

from orthoui.figures.kinds import Mode
from orthoui.figures.rows import label_room, name_rows, number_labels, row_height
from orthoui.figures.theme import palette, style, upright
from orthoui.figures.words import sentence, signed

NUMBER_ROOM = 48


def difference_bars(
    differences: Sequence[float | None],
    classes: Sequence[str],
    forgotten: Collection[int] = (),
    *,
    mode: Mode,
    title: str,
    subtitle: str = "",
    limit: float | None = None,
) -> go.Figure:
    """Draw one bar a class from zero to its change in percentage points; ``None`` was not measured.

    ``limit`` is the end of the axis on both sides; without it the largest change, but at least one point.
    """
    if len(differences) != len(classes):
        raise ValueError(f"{len(differences)} differences do not fit {len(classes)} classes.")
    tone = palette(mode)
    known = [0.0 if value is None else value for value in differences]
    end = max(1.0, *(abs(value) for value in known)) * 1.05 if limit is None else limit
    colours = [tone.loss if value < 0 else tone.gain for value in known]
    bar = go.Bar(
        x=known, y=list(range(len(classes))), orientation="h", width=0.5, marker={"color": colours},
        customdata=list(classes), name="change",
        hovertemplate="%{customdata}: %{x:+.1f} percentage points<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(bar)
    figure.layout.shapes = [upright(0, tone.muted)]
    name_rows(figure, classes, tone, forgotten)
    texts = ["–" if value is None else signed(value) for value in differences]
    shades = [tone.muted if text in ("–", "0.0") else colour for text, colour in zip(texts, colours, strict=True)]
    figure.layout.xaxis = {"range": [-end, end], "nticks": 5, "title": "change of accuracy (percentage points)"}
    changes = "; ".join(f"{name} {text}" for name, text in zip(classes, texts, strict=True))
    return style(
        figure, mode, title=title, subtitle=subtitle, body=row_height(len(classes)) * len(classes),
        alt=f"{sentence(title)} Change in percentage points: {changes}.",
        left=label_room(classes), right=NUMBER_ROOM + 4,
        labels=number_labels(texts, shades, NUMBER_ROOM),
    )  # fmt: skip
