"""The figures' pictures: maps of the first layer with the pruned channels marked, and rows of heatmaps."""

from html import escape

import numpy as np
import streamlit as st

from orthoui.figures import channel_grid, data_uri, overlay_heatmap, to_png
from orthoui.figures.montage import montage
from orthoui.paper.pictures import FORGOTTEN_IMAGES
from orthoui.paper.schema import Cell, Pixels, Table
from orthoui.ui import session
from orthoui.ui.charts import chart

COLUMNS = 8
SIDE = 96
"""Pixels of a picture in a row of heatmaps, about."""
GAP = 6


def first_layer(table: Table) -> None:
    """Draw the maps of both images, on one scale."""
    cells = [cell for cell in table.measured if "before" in cell.draws[0].pictures]
    if not cells:
        return
    packed = [cell.draws[0].pictures["before"] for cell in cells]
    limits = min(one.low for one in packed), max(one.high for one in packed)
    for place, cell, maps in zip(st.columns(len(cells)), cells, packed, strict=True):
        peak, after = cell.mean("peak"), cell.mean("peak_after")
        channels = "pruned channel" if len(cell.draws[0].pruned) == 1 else "pruned channels"
        with place:
            figure = channel_grid(
                maps.values(), columns=COLUMNS, factors=cell.draws[0].pruned, limits=limits, mode=session.mode(),
                title=f"{cell.row}: {channels} at {peak or 0:.2f}, after pruning {after or 0:.2f}",
                subtitle="every channel of the first layer before pruning; brighter is more active",
            )  # fmt: skip
            chart(figure, f"paper_maps_{cell.id}")


def heatmaps(table: Table) -> None:
    """Draw the images and under them where each network looks."""
    cells = [cell for cell in table.measured if "heat" in cell.draws[0].pictures]
    if not cells:
        return
    images = cells[0].draws[0].pictures["image"].pixels()
    rows = [("image", images), *((cell.row, _overlaid(cell)) for cell in cells)]
    st.html(f'<div class="paper-looks">{"".join(_row(name, pixels) for name, pixels in rows)}</div>')
    st.caption(
        f"The first {FORGOTTEN_IMAGES} images are of {table.forgotten}, the others of classes that are kept. Bright "
        "is where the network finds what speaks for the image's own class; every heatmap is stretched on its own."
    )


def _overlaid(cell: Cell) -> Pixels:
    pictures = cell.draws[0].pictures
    pairs = zip(pictures["image"].pixels(), pictures["heat"].values(), strict=True)
    return np.stack([overlay_heatmap(image, heat) for image, heat in pairs])


def _row(name: str, pixels: Pixels) -> str:
    solid = np.concatenate([pixels, np.full((*pixels.shape[:3], 1), 255, np.uint8)], axis=-1)
    laid, _ = montage(solid, len(solid), scale=max(1, SIDE // pixels.shape[1]), gap=GAP, gap_level=0)
    alt = f"{name}: {len(pixels)} pictures in a row"
    return f'<span>{escape(name)}</span><img src="{data_uri(to_png(laid))}" alt="{escape(alt)}">'
