"""Many small maps as one picture: pixels only, as fast and as light as a single image."""

import base64
import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from orthoui.figures.kinds import Bytes, Floats
from orthoui.figures.theme import cividis

Scaling = Literal["common", "map"]
# One level of the 256 is left for the transparent gaps between cells.
LEVELS, GAP_LEVEL = 255, 255


@dataclass(frozen=True)
class Cells:
    """Where the cells of a montage lie, in pixels of the picture; row by row from the top left."""

    count: int
    columns: int
    width: int
    height: int
    gap: int

    @property
    def rows(self) -> int:
        """Number of rows, the last one perhaps not full."""
        return -(-self.count // self.columns)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole picture."""
        across = self.columns * (self.width + self.gap) - self.gap
        return across, max(self.rows * (self.height + self.gap) - self.gap, 0)

    def corner(self, place: int) -> tuple[int, int]:
        """Return the left and top pixel of a cell."""
        row, column = divmod(place, self.columns)
        return column * (self.width + self.gap), row * (self.height + self.gap)


def levels(maps: Floats, scaling: Scaling = "common", limits: tuple[float, float] | None = None) -> Bytes:
    """Turn maps (n, h, w) into levels 0 … 254 of the colour scale, the same shape.

    ``limits`` fixes the values of the darkest and the brightest level, so that two montages can be compared;
    without it they come from all maps together (``"common"``) or from each one (``"map"``). A map without
    contrast is drawn at the darkest level. Raises ``ValueError`` for another shape or values that are not finite.
    """
    values = np.asarray(maps, dtype=np.float64)
    if values.ndim != 3:
        raise ValueError(f"Maps must be (n, h, w), not {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError("Maps must be finite numbers.")
    if values.size == 0:
        return np.zeros(values.shape, np.uint8)
    if limits is not None:
        low, high = np.full((1, 1, 1), limits[0]), np.full((1, 1, 1), limits[1])
    else:
        axes = (1, 2) if scaling == "map" else (0, 1, 2)
        low, high = values.min(axis=axes, keepdims=True), values.max(axis=axes, keepdims=True)
    span = np.where(high > low, high - low, 1.0)
    share = np.clip((values - low) / span, 0.0, 1.0)
    picture: Bytes = np.rint(share * (LEVELS - 1)).astype(np.uint8)
    return picture


def montage(
    tiles: Bytes, columns: int, *, scale: int = 1, gap: int = 2, gap_level: int = GAP_LEVEL
) -> tuple[Bytes, Cells]:
    """Lay tiles (n, h, w) or (n, h, w, channels) out row by row, enlarged ``scale`` times without smoothing.

    Gaps and empty cells are filled with ``gap_level``. Returns the picture and where its cells lie.
    """
    count, height, width = tiles.shape[:3]
    cells = Cells(count, max(1, min(columns, count)), width * scale, height * scale, gap)
    across, down = cells.size
    picture = np.full((down, across, *tiles.shape[3:]), gap_level, dtype=np.uint8)
    for place in range(count):
        left, top = cells.corner(place)
        picture[top : top + cells.height, left : left + cells.width] = enlarge(tiles[place], scale)
    return picture, cells


def enlarge(picture: Bytes, scale: int) -> Bytes:
    """Repeat every pixel ``scale`` times both ways: (h, w, …) to (h · scale, w · scale, …)."""
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def overlay_heatmap(image: Bytes, heat: Floats, alpha: float = 0.55) -> Bytes:
    """Blend a heatmap (h, w), 0 … 1, in cividis over an image (h, w, 3): dark blue is low, yellow is high.

    ``alpha`` is the share of the heatmap in the mixture, 0 … 1. The arguments are not changed.
    """
    if image.shape != (*heat.shape, 3):
        raise ValueError(f"The image {image.shape} and the heatmap {heat.shape} must cover the same pixels.")
    table = cividis(256).astype(np.float64)
    colours = table[np.rint(np.clip(heat, 0.0, 1.0) * 255).astype(np.intp)]
    return np.rint((1 - alpha) * image + alpha * colours).astype(np.uint8)


def to_png(picture: Bytes, scale: int = 1) -> bytes:
    """Return (h, w) grey, (h, w, 3) or (h, w, 4) pixels as a PNG file, enlarged without smoothing."""
    return _saved(Image.fromarray(np.ascontiguousarray(enlarge(picture, scale))))


def map_png(picture: Bytes) -> bytes:
    """Return levels (h, w) as a PNG file in cividis; the gap level is transparent."""
    indexed = Image.fromarray(np.ascontiguousarray(picture)).convert("L")
    indexed.putpalette(np.concatenate([cividis(LEVELS).ravel(), np.zeros(3, np.uint8)]).tobytes())
    return _saved(indexed, transparency=GAP_LEVEL)


def data_uri(png: bytes) -> str:
    """Return a PNG file as text that can stand where a picture's address is asked for."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _saved(picture: Image.Image, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **options)
    return buffer.getvalue()
