"""Rows of pictures: the image, and what each network looks at in it, with its class probabilities under it."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from orthoui.evaluation.heatmaps import Comparison, empty
from orthoui.evaluation.probabilities import softmax
from orthoui.evaluation.variants import Variant
from orthoui.figures import data_uri, overlay_heatmap, palette, probability_line, to_png
from orthoui.figures.montage import montage
from orthoui.ui.heatmaps.scene import Scene
from orthoui.ui.thumbnails import picture

VARIANTS: tuple[Variant, ...] = ("before", "after", "retrained")
CELL = 128
"""Pixels of a cell in the picture file; the page shows it at about 60 to 130."""
GAP = 12
"""Gap between cells, matched by the column gap of `.looks` in the style sheet: 12 of 128."""
TOP = 2


@dataclass(frozen=True, eq=False)
class Row:
    """One image (C, H, W) uint8, its place in a comparison, and the words around it."""

    image: Tensor
    compared: Comparison
    at: int
    title: str
    under: str
    """What stands under the image itself."""


def rows_html(scene: Scene, rows: Sequence[Row]) -> str:
    """Return the rows with their head as HTML; a column that was not computed says so."""
    head = "".join(f"<span>{word}</span>" for word in ("image", *VARIANTS))
    return (
        f'<div class="looks"><div class="look head">{head}</div>'
        + "".join(_row(scene, row) for row in rows)
        + "</div>"
    )


def _row(scene: Scene, row: Row) -> str:
    seen = [name for name in VARIANTS if name in row.compared.seen]
    explained = scene.data.classes[row.compared.targets[row.at]]
    cells = "".join(_cell(scene, row, name) for name in seen)
    absent = "" if "retrained" in seen else '<span class="none">no retrained network</span>'
    alt = html.escape(f"{row.title}: the image, then heatmaps for {explained} {', '.join(seen)}")
    title = html.escape(row.title)
    return (
        f'<figure><figcaption><span>{title}</span><span class="drift">{_drift(row)}</span></figcaption>'
        f'<div class="look"><img class="span{1 + len(seen)}" src="{data_uri(_png(scene, row, seen))}" alt="{alt}">'
        f"{absent}</div>"
        f'<div class="look words"><span>{html.escape(row.under)}</span>{cells}</div></figure>'
    )


def _drift(row: Row) -> str:
    if row.compared.vanished[row.at]:
        return "gone"
    value = row.compared.drift[row.at]
    return "not measured" if np.isnan(value) else f"moved by {value:.2f}"


def _cell(scene: Scene, row: Row, name: Variant) -> str:
    """Probabilities, one class a line; forgotten classes in their colour."""
    seen = row.compared.seen[name]
    shares = softmax(seen.logits[row.at : row.at + 1])[0]
    tone = palette(scene.mode)
    forgotten = {scene.data.classes[label] for label in scene.view.request.classes}
    lines = []
    for line in probability_line(shares, scene.data.classes, TOP).split(" · "):
        answer = line.rsplit(" ", 2)[0]
        colour = tone.forgotten if answer in forgotten else "inherit"
        lines.append(f'<b style="color:{colour}">{html.escape(line).replace(" %", "&nbsp;%")}</b>')
    if empty(seen.maps[row.at : row.at + 1])[0]:
        lines.append(f"<i>nothing for {html.escape(scene.data.classes[row.compared.targets[row.at]])}</i>")
    return f"<span>{''.join(lines)}</span>"


def _png(scene: Scene, row: Row, seen: Sequence[Variant]) -> bytes:
    size = scene.model.card.input_size
    base = picture(scene.model.framed(row.image[None])[0])
    tiles = [base, *(overlay_heatmap(base, row.compared.seen[name].maps[row.at]) for name in seen)]
    solid = [np.dstack([tile, np.full(tile.shape[:2], 255, np.uint8)]) for tile in tiles]
    scale = max(1, round(CELL / size))
    laid, _ = montage(np.stack(solid), len(solid), scale=scale, gap=round(GAP * scale * size / CELL), gap_level=0)
    return to_png(laid)
