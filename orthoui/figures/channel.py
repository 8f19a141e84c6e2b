"""One channel close up: its mean response to every class, its filter, a single map."""

from collections.abc import Collection, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from orthoui.figures.kinds import Bytes, Floats, Mode
from orthoui.figures.montage import levels, map_png, montage, to_png
from orthoui.figures.rows import label_room, name_rows, number_labels
from orthoui.figures.theme import diverging, palette, style, upright
from orthoui.figures.words import sentence, signed

NUMBER_ROOM = 42
ROW = 22


def response_bars(
    responses: Sequence[float],
    classes: Sequence[str],
    forgotten: Collection[int],
    *,
    mode: Mode,
    title: str,
    subtitle: str = "",
) -> go.Figure:
    """Draw one channel's mean peak response to every class, in the units of the activation.

    Raises ``ValueError`` when lengths differ.
    """
    if len(responses) != len(classes):
        raise ValueError(f"{len(responses)} responses do not fit {len(classes)} classes.")
    tone = palette(mode)
    colours = [tone.forgotten if place in forgotten else tone.retained for place in range(len(classes))]
    texts = [signed(value).removeprefix("+") for value in responses]
    bar = go.Bar(
        x=list(responses), y=list(range(len(classes))), orientation="h", width=0.5, marker={"color": colours},
        customdata=list(classes), name="response", hovertemplate="%{customdata}: %{x:.2f}<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(bar)
    low, high = min(0.0, *responses), max(0.0, *responses)
    figure.layout.xaxis = {
        "range": [low, high if high > low else 1.0],
        "showticklabels": False,
        "showgrid": False,
    }
    figure.layout.shapes = [upright(0, tone.muted)]
    name_rows(figure, classes, tone, forgotten)
    pairs = "; ".join(f"{name} {text}" for name, text in zip(classes, texts, strict=True))
    return style(
        figure, mode, title=title, subtitle=subtitle, body=ROW * len(classes), bottom=8,
        alt=f"{sentence(title)} Mean peak response: {pairs}.",
        left=label_room(classes), right=NUMBER_ROOM + 4,
        labels=number_labels(texts, colours, NUMBER_ROOM),
    )  # fmt: skip


def filter_png(weights: Floats, mode: Mode, columns: int = 4, side: int = 48) -> bytes:
    """Return filter slices (n, k, k) as one PNG on the diverging scale, zero in its middle.

    All slices share one scale. ``side`` is the width of a slice in pixels, about. Raises ``ValueError`` for
    another shape.
    """
    if weights.ndim != 3 or not weights.size:
        raise ValueError(f"A filter must be (n, k, k), not {weights.shape}.")
    most = float(np.abs(weights).max()) or 1.0
    colours = np.array([hex_to_rgb(colour) for _, colour in diverging(mode)], dtype=np.float64)
    share = np.clip(weights / most, -1, 1)
    mixed = [np.interp(share, [-1, 0, 1], colours[:, channel]) for channel in range(3)]
    tiles = np.concatenate([np.rint(np.stack(mixed, axis=-1)), np.full((*share.shape, 1), 255.0)], axis=-1).astype(
        np.uint8
    )
    picture, _ = montage(tiles, columns, scale=max(1, side // weights.shape[-1]), gap=4, gap_level=0)
    return to_png(picture)


def single_map_png(values: Floats, limits: tuple[float, float], side: int = 128) -> bytes:
    """Return one activation map (h, w) as a PNG in cividis between ``limits``, enlarged to about ``side`` pixels."""
    tile: Bytes = levels(values[None], limits=limits)
    picture, _ = montage(tile, 1, scale=max(1, round(side / values.shape[-1])))
    return map_png(picture)
