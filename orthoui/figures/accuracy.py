"""Accuracy per class: before, after, the retrained reference and the two controls in one dot chart."""

from collections.abc import Collection, Sequence

import plotly.graph_objects as go

from orthoui.figures.heading import Key
from orthoui.figures.kinds import AccuracySeries, Mode, SeriesKind
from orthoui.figures.rows import label_room, name_rows, number_labels, row_height
from orthoui.figures.theme import Palette, palette, style, translucent
from orthoui.figures.words import percent, sentence

# Controls and the reference sit a little below the dots, so that equal values do not hide each other.
LANES: dict[SeriesKind, float] = {"before": -0.16, "after": -0.16, "retrained": 0.16, "mask": 0.38, "random": 0.0}
GLYPHS: dict[SeriesKind, str] = {"before": "○", "after": "●", "retrained": "◇", "random": "┄┄", "mask": "×"}
ORDER: tuple[SeriesKind, ...] = ("random", "mask", "retrained", "before", "after")
NUMBER_ROOM = 58


def per_class_accuracy(
    series: Sequence[AccuracySeries | None],
    classes: Sequence[str],
    forgotten: Collection[int],
    *,
    mode: Mode,
    title: str,
    subtitle: str = "",
) -> go.Figure:
    """Draw the accuracy of every class in percent, one row a class, one symbol a model.

    ``forgotten`` are positions in ``classes``. A series that is ``None``, or has only ``None``, was not measured and
    is left out. The number at the right is the accuracy after. Raises ``ValueError`` when lengths differ.
    """
    tone = palette(mode)
    measured = [one for one in series if one is not None and any(value is not None for value in one.values)]
    for one in measured:
        ends = {len(one.values), len(one.low) or len(one.values), len(one.high) or len(one.values)}
        if ends != {len(classes)}:
            raise ValueError(f"The series “{one.name}” does not have one value for each of {len(classes)} classes.")
    groups = [tone.forgotten if place in forgotten else tone.retained for place in range(len(classes))]
    by_kind = {one.kind: one for one in measured}
    figure = go.Figure([*_changes(by_kind, groups), *_intervals(by_kind, groups, tone)])
    for kind in ORDER:
        if kind in by_kind:
            figure.add_trace(_trace(by_kind[kind], classes, groups, tone))
    name_rows(figure, classes, tone, forgotten)
    after = by_kind.get("after")
    numbers = [] if after is None else [_number(value) for value in after.values]
    figure.layout.xaxis = {"range": [-2, 102], "tickvals": [0, 25, 50, 75, 100], "title": "accuracy (%)"}
    return style(
        figure, mode, title=title, subtitle=subtitle, key=_key(measured, groups, tone),
        body=row_height(len(classes)) * len(classes), alt=_alt(title, measured, classes, forgotten),
        left=label_room(classes), right=NUMBER_ROOM + 4,
        labels=number_labels(numbers, groups[: len(numbers)], NUMBER_ROOM),
    )  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else percent(value)


Spans = Sequence[tuple[float | None, float | None]]


def _segments(
    spans: Spans, lane: float, groups: Sequence[str], opacity: float, width: float, name: str
) -> list[go.Scatter]:
    """Draw one horizontal line a row between two values, in a pale tone of the row's colour."""
    traces = []
    for colour in dict.fromkeys(groups):
        x: list[float | None] = []
        y: list[float | None] = []
        for place, (start, end) in enumerate(spans):
            if groups[place] == colour and start is not None and end is not None:
                x += [start, end, None]
                y += [place + lane, place + lane, None]
        line = {"color": translucent(colour, opacity), "width": width}
        traces.append(go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", name=name))
    return traces


def _changes(by_kind: dict[SeriesKind, AccuracySeries], groups: Sequence[str]) -> list[go.Scatter]:
    """Join before and after: the longer the line, the more a class has changed."""
    before, after = by_kind.get("before"), by_kind.get("after")
    if before is None or after is None:
        return []
    return _segments(list(zip(before.values, after.values, strict=True)), LANES["after"], groups, 0.6, 1.5, "change")


def _intervals(by_kind: dict[SeriesKind, AccuracySeries], groups: Sequence[str], tone: Palette) -> list[go.Scatter]:
    """Draw the intervals of the two models that are compared; those of the others are read by pointing."""
    traces = []
    for kind in ("after", "retrained"):
        one = by_kind.get(kind)
        if one is not None and one.low and one.high:
            colours = groups if kind == "after" else [tone.retrained] * len(groups)
            traces += _segments(list(zip(one.low, one.high, strict=True)), LANES[kind], colours, 0.4, 4, "interval")
    return traces


def _trace(one: AccuracySeries, classes: Sequence[str], groups: Sequence[str], tone: Palette) -> go.Scatter:
    hover = "%{customdata[0]}: %{x:.1f} % " + one.name + "%{customdata[1]}<extra></extra>"
    common = {
        "x": list(one.values), "y": [place + LANES[one.kind] for place in range(len(classes))],
        "name": one.name, "customdata": [[name, _interval(one, place)] for place, name in enumerate(classes)],
        "hovertemplate": hover, "cliponaxis": False,  # or marks at 0 and 100 are cut in half
    }  # fmt: skip
    if one.kind == "random":
        # A line down all rows, not a fifth symbol: what the same number of random channels would have done.
        return go.Scatter(**common, mode="lines", line={"color": tone.control, "width": 2, "dash": "dot"})
    markers = {
        "before": {"symbol": "circle-open", "size": 12, "color": tone.before, "line": {"width": 2}},
        "after": {"symbol": "circle", "size": 10, "color": list(groups)},
        "retrained": {"symbol": "diamond-open", "size": 9, "color": tone.retrained, "line": {"width": 2}},
        "mask": {"symbol": "x-thin", "size": 5, "line": {"width": 2, "color": tone.control}},
    }
    return go.Scatter(**common, mode="markers", marker=markers[one.kind])


def _interval(one: AccuracySeries, place: int) -> str:
    low, high = (ends[place] if ends else None for ends in (one.low, one.high))
    return "" if low is None or high is None else f" (95 % interval {low:.1f} to {high:.1f})"


def _key(measured: Sequence[AccuracySeries], groups: Sequence[str], tone: Palette) -> list[Key]:
    colours: dict[SeriesKind, tuple[str, ...]] = {
        "before": (tone.before,),
        "after": tuple(sorted(set(groups), key=[tone.forgotten, tone.retained].index)),
        "retrained": (tone.retrained,),
        "random": (tone.control,),
        "mask": (tone.control,),
    }
    return [Key(GLYPHS[one.kind], colours[one.kind], one.name) for one in measured]


def _alt(title: str, measured: Sequence[AccuracySeries], classes: Sequence[str], forgotten: Collection[int]) -> str:
    rows = []
    for place, name in enumerate(classes):
        role = "forgotten" if place in forgotten else "retained"
        values = ", ".join(f"{one.name} {percent(one.values[place])}" for one in measured)
        rows.append(f"{name} ({role}): {values}")
    return f"{sentence(title)} Accuracy per class. " + "; ".join(rows) + "."
