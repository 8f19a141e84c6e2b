"""Where answers go: the forgotten class's images by predicted class."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import plotly.graph_objects as go

from orthoui.figures.heading import Key
from orthoui.figures.kinds import Destination, Label, Mode
from orthoui.figures.rows import label_room, name_rows, number_labels, row_height
from orthoui.figures.theme import Palette, palette, style
from orthoui.figures.words import percent, sentence

OTHERS = "others"
NUMBER_ROOM = 58


def destinations(
    shares: Sequence[Destination],
    forgotten: Collection[str],
    *,
    mode: Mode,
    title: str,
    subtitle: str = "",
    top: int = 5,
) -> go.Figure:
    """Draw where the images of the forgotten classes go now, in percent of these images.

    The ``top`` most frequent retained answers come first, the rest is gathered as “others”; what still goes to
    a forgotten class keeps its own row at the bottom, so that the chart has the same rows at every slider step.
    """
    tone = palette(mode)
    names = [one.name for one in shares]
    retained = sorted((one for one in shares if one.name not in forgotten), key=lambda one: -one.after)
    word = "still " if len(forgotten) == 1 else ""  # of several, one may be taken for another
    still = [replace(one, name=f"{word}{one.name}") for one in shares if one.name in forgotten]
    rows = [*retained[:top], *([_gather(retained[top:])] if retained[top:] else []), *still]
    lost = range(len(rows) - len(still), len(rows))
    room = label_room([*names, *(f"{one.name}m" for one in still), OTHERS])  # bold ones are wider
    figure = _share_chart(rows, lost, tone, "share of the forgotten class's images (%)")
    return style(
        figure, mode, title=title, subtitle=subtitle, key=_key(rows, lost, tone),
        body=row_height(len(rows)) * len(rows), alt=_alt(title, rows), left=room, right=NUMBER_ROOM + 4,
        labels=_numbers(rows, lost, tone),
    )  # fmt: skip


def _gather(rest: Sequence[Destination]) -> Destination:
    def total(values: Sequence[float | None]) -> float | None:
        return None if None in values else sum(value for value in values if value is not None)

    return Destination(
        OTHERS,
        sum(one.after for one in rest),
        total([one.before for one in rest]),
        total([one.retrained for one in rest]),
    )


def _share_chart(rows: Sequence[Destination], lost: Collection[int], tone: Palette, axis: str) -> go.Figure:
    colours = _colours(rows, lost, tone)
    names = [row.name for row in rows]
    places = list(range(len(rows)))
    bar = go.Bar(
        x=[row.after for row in rows], y=places, orientation="h", width=0.44, marker={"color": colours},
        name="after", customdata=names, hovertemplate="%{customdata}: %{x:.1f} % after<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(bar)
    looks = {
        "before": {
            "symbol": "circle",
            "size": 11,
            "color": tone.background,
            "line": {"width": 2, "color": tone.before},
        },
        "retrained": {
            "symbol": "diamond",
            "size": 10,
            "color": tone.background,
            "line": {"width": 2, "color": tone.retrained},
        },
    }
    for name, marker in looks.items():
        values = [getattr(row, name) for row in rows]
        if any(value is not None for value in values):
            hover = "%{customdata}: %{x:.1f} % " + name + "<extra></extra>"
            figure.add_trace(
                go.Scatter(x=values, y=places, mode="markers", marker=marker, name=name, customdata=names,
                           hovertemplate=hover, cliponaxis=False)
            )  # fmt: skip
    name_rows(figure, names, tone, lost)
    figure.layout.xaxis = {"range": [-2, 102], "tickvals": [0, 25, 50, 75, 100], "title": axis}
    return figure


def _colours(rows: Sequence[Destination], lost: Collection[int], tone: Palette) -> list[str]:
    return [tone.forgotten if place in lost else tone.retained for place in range(len(rows))]


def _numbers(rows: Sequence[Destination], lost: Collection[int], tone: Palette) -> list[Label]:
    return number_labels([percent(row.after) for row in rows], _colours(rows, lost, tone), NUMBER_ROOM)


def _key(rows: Sequence[Destination], lost: Collection[int], tone: Palette) -> list[Key]:
    after = [*([tone.forgotten] if lost else []), *([tone.retained] if len(lost) < len(rows) else [])]
    entries = [Key("■", tuple(after), "after")]
    if any(row.before is not None for row in rows):
        entries.insert(0, Key("○", (tone.before,), "before"))
    if any(row.retrained is not None for row in rows):
        entries.append(Key("◇", (tone.retrained,), "retrained"))
    return entries


def _alt(title: str, rows: Sequence[Destination]) -> str:
    parts = []
    for row in rows:
        compared = [
            f"{name} {percent(value)}" for name, value in (("before", row.before), ("retrained", row.retrained))
            if value is not None
        ]  # fmt: skip
        parts.append(f"{row.name}: {percent(row.after)}" + (f" ({', '.join(compared)})" if compared else ""))
    return f"{sentence(title)} " + "; ".join(parts) + "."
