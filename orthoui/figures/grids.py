"""Grids of maps and images to look at and to click: one picture, one invisible marker a cell."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from orthoui.figures.heading import Key
from orthoui.figures.kinds import Bytes, Floats, Label, Mode
from orthoui.figures.montage import Cells, Scaling, data_uri, levels, map_png, montage, to_png
from orthoui.figures.theme import SMALL_SIZE, Palette, palette, style
from orthoui.figures.words import markup, sentence, short

# Width the height is made for; on a narrower screen the grid shrinks and keeps its proportions.
WIDTH = 358


def channel_grid(
    maps: Floats,
    *,
    columns: int = 8,
    channels: Sequence[int] | None = None,
    factors: Mapping[int, float] | None = None,
    selected: int | None = None,
    scaling: Scaling = "common",
    limits: tuple[float, float] | None = None,
    width: int = WIDTH,
    mode: Mode,
    title: str,
    subtitle: str = "",
) -> go.Figure:
    """Draw activation maps (n, h, w) in cividis, brighter is more active; each cell's ``customdata`` is its channel.

    ``channels`` names the maps (0 … n − 1 without it). ``factors`` holds the pruned channels and what they are
    scaled by; their cells get a vermillion frame and corner. ``selected`` gets a thick frame. See ``levels`` for
    ``scaling`` and ``limits``. ``width`` is the expected width on the page in pixels.
    """
    tone = palette(mode)
    ids = list(range(len(maps))) if channels is None else [int(channel) for channel in channels]
    if len(ids) != len(maps):
        raise ValueError(f"{len(ids)} channel numbers do not fit {len(maps)} maps.")
    scaled = factors or {}
    tiles = levels(maps, scaling, limits)
    scale = _enlargement(tiles.shape[0], max(tiles.shape[1:], default=1))
    picture, cells = montage(tiles, columns, scale=scale, gap=_gap(tiles.shape[2] * scale))
    hover = [_channel_words(channel, scaled.get(channel)) for channel in ids]
    figure = _canvas(data_uri(map_png(picture)), cells)
    pruned = [place for place, channel in enumerate(ids) if channel in scaled]
    _mark(figure, cells, pruned, tone)
    figure.add_trace(_targets(cells, ids, hover))
    if selected in ids:
        _frame(figure, cells, [ids.index(selected)], tone.cut, 3.5, "selected")
    key = [Key("◥", (tone.forgotten,), "pruned")] if pruned else []
    alt = (
        f"{sentence(title)} {len(ids)} activation maps; pruned channels: {_listed([ids[place] for place in pruned])}."
    )
    return _finish(figure, cells, mode, title=title, subtitle=subtitle, key=key, alt=alt, width=width, bottom=8)


def image_row(
    images: Sequence[Bytes],
    labels: Sequence[str],
    *,
    columns: int = 5,
    marked: Collection[int] = (),
    selected: int | None = None,
    width: int = WIDTH,
    mode: Mode,
    title: str = "",
    subtitle: str = "",
) -> go.Figure:
    """Draw images of equal size, (h, w) grey or (h, w, 3), with a label under each; ``customdata`` is the position.

    ``marked`` positions (images of a forgotten class) get the vermillion frame, ``selected`` the thick one.
    """
    if len(images) != len(labels):
        raise ValueError(f"{len(labels)} labels do not fit {len(images)} images.")
    tone = palette(mode)
    tiles = np.stack([_opaque(image) for image in images])
    scale = _enlargement(len(tiles), max(tiles.shape[1:3]))
    across = tiles.shape[2] * scale
    # The label stands in a strip below its image, inside the cell, so that it shrinks with the grid.
    strip = round(0.32 * across / scale)
    tiles = np.pad(tiles, ((0, 0), (0, strip), (0, 0), (0, 0)))
    picture, cells = montage(tiles, columns, scale=scale, gap=_gap(across), gap_level=0)
    figure = _canvas(data_uri(to_png(picture)), cells)
    _mark(figure, cells, list(marked), tone, strip * scale)
    figure.add_trace(_targets(cells, list(range(len(images))), list(labels)))
    if selected is not None:
        _frame(figure, cells, [selected], tone.cut, 3.5, "selected", strip * scale)
    words = [
        _caption(cells, place, label, strip * scale, tone.forgotten if place in marked else tone.text)
        for place, label in enumerate(labels)
    ]
    alt = f"{sentence(title)} {len(images)} images: {', '.join(labels)}.".strip()
    return _finish(
        figure, cells, mode, title=title, subtitle=subtitle, key=(), alt=alt, width=width, bottom=4, labels=words
    )


def _caption(cells: Cells, place: int, label: str, strip: int, colour: str) -> Label:
    left, top = cells.corner(place)
    return {
        "x": left + cells.width / 2, "y": top + cells.height - strip / 2, "text": markup(short(label, 12)),
        "font": {"size": SMALL_SIZE, "color": colour}, "showarrow": False,
    }  # fmt: skip


def _opaque(image: Bytes) -> Bytes:
    colour = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image[..., :3]
    return np.concatenate([colour, np.full((*colour.shape[:2], 1), 255, np.uint8)], axis=2)


def _enlargement(count: int, side: int) -> int:
    """Return how often a pixel is repeated: cells of about 96 pixels, smaller ones where there are many."""
    wanted = 96 if count <= 64 else 64 if count <= 256 else 40
    return max(1, round(wanted / max(side, 1)))


def _gap(across: int) -> int:
    return max(2, round(across * 0.09))


def _channel_words(channel: int, factor: float | None) -> str:
    return f"channel {channel}" + ("" if factor is None else f", pruned, factor {factor:.2f}")


def _listed(channels: Sequence[int]) -> str:
    shown = ", ".join(str(channel) for channel in channels[:24])
    return (shown + f", … ({len(channels)} in all)" if len(channels) > 24 else shown) or "none"


def _canvas(source: str, cells: Cells) -> go.Figure:
    across, down = cells.size
    figure = go.Figure()
    figure.add_layout_image(
        source=source, xref="x", yref="y", x=0, y=0, xanchor="left", yanchor="top",
        sizex=across, sizey=down, sizing="stretch", layer="below",
    )  # fmt: skip
    return figure


def _targets(cells: Cells, ids: Sequence[int], hover: Sequence[str]) -> go.Scatter:
    """One invisible square a cell: what a click hits and what a pointer reads."""
    corners = [cells.corner(place) for place in range(cells.count)]
    return go.Scatter(
        x=[left + cells.width / 2 for left, _ in corners], y=[top + cells.height / 2 for _, top in corners],
        mode="markers", marker={"symbol": "square", "size": 26, "color": "rgba(0,0,0,0)"}, name="cells",
        customdata=list(ids), hovertext=list(hover), hoverinfo="text",
    )  # fmt: skip


def _mark(figure: go.Figure, cells: Cells, places: Sequence[int], tone: Palette, strip: int = 0) -> None:
    """Frame the pruned cells and fill a corner of each: visible in print and to eyes that see no colour."""
    if not places:
        return
    _frame(figure, cells, places, tone.forgotten, 2, "pruned", strip)
    x: list[float | None] = []
    y: list[float | None] = []
    size = 0.3 * cells.width
    for place in places:
        left, top = cells.corner(place)
        right = left + cells.width
        x += [right - size, right, right, right - size, None]
        y += [top, top, top + size, top, None]
    corner = go.Scatter(
        x=x, y=y, mode="lines", fill="toself", fillcolor=tone.forgotten, hoverinfo="skip", name="corner",
        line={"color": tone.background, "width": 1},
    )  # fmt: skip
    figure.add_trace(corner)


def _frame(
    figure: go.Figure, cells: Cells, places: Sequence[int], colour: str, thickness: float, name: str, strip: int = 0
) -> None:
    x: list[float | None] = []
    y: list[float | None] = []
    # The selection lies in the gap, outside a pruned cell's frame, so that both can be seen.
    out = cells.gap / 2 if name == "selected" else 0
    for place in places:
        left, top = (edge - out for edge in cells.corner(place))
        right, foot = left + cells.width + 2 * out, top + cells.height - strip + 2 * out
        x += [left, right, right, left, left, right, None]
        y += [top, top, foot, foot, top, top, None]
    line = {"color": colour, "width": thickness}
    figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", name=name))


def _finish(
    figure: go.Figure, cells: Cells, mode: Mode, *, title: str, subtitle: str, key: Sequence[Key], alt: str,
    width: int, bottom: int, labels: Sequence[Label] = (),
) -> go.Figure:  # fmt: skip
    across, down = cells.size
    edge = cells.gap / 2 + 1
    body = round((width - 8) * down / max(across, 1))
    hidden = {"visible": False, "constrain": "domain"}
    figure.layout.xaxis = hidden | {"range": [-edge, across + edge], "constraintoward": "left"}
    figure.layout.yaxis = hidden | {
        "range": [down + edge, -edge], "constraintoward": "top", "scaleanchor": "x", "scaleratio": 1
    }  # fmt: skip
    # The nearest cell answers wherever the pointer is: markers keep their size while cells shrink on a phone.
    figure.layout.hoverdistance = 60
    return style(
        figure, mode, title=title, subtitle=subtitle, key=key, body=body, alt=alt, right=4, bottom=bottom,
        labels=labels,
    )  # fmt: skip
