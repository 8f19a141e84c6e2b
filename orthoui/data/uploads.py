"""A person's own picture: checked before it is decoded, then made into an image as the data set stores them."""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from orthoui.errors import ImageError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
SUFFIXES = ("png", "jpg", "jpeg", "webp", "gif", "bmp")
MAX_BYTES = 5_000_000
MAX_SIDE = 8_000
MAX_PIXELS = 24_000_000
"""Decoding takes up to four bytes a pixel: about 100 MB for the largest picture that is let in."""
DAMAGE = (OSError, EOFError, SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error, ArithmeticError)
"""What the decoders raise on damaged files, by their formats."""
ALLOWED = "Choose a PNG, JPEG, WebP, GIF or BMP picture of at most 5 MB and 8,000 pixels a side."
ENOUGH = 512
"""Pixels a side that are kept before the picture is made opaque, grey and small."""
LIGHT = 127


def read_upload(content: bytes, *, side: int, grey: bool, most_bytes: int = MAX_BYTES) -> Tensor:
    """Turn an untrusted file into one image (1 or 3, side, side), uint8.

    Only the first frame of an animation is read. The picture is turned upright, put on a plain ground where it
    is transparent, cut to its middle square and shrunk. Raises ``ImageError`` in plain words for what is not an
    image, too large, or damaged; size and kind are read from the header, before a single pixel is decoded.
    """
    if not content:
        raise ImageError(f"This file is empty. {ALLOWED}")
    if len(content) > most_bytes:
        most = f"at most {most_bytes / 1e6:.0f} MB are allowed"
        raise ImageError(f"This file has {len(content) / 1e6:.1f} MB; {most}. Save it smaller.")
    with _opened(content) as picture:
        _check_size(*picture.size)
        upright = _decoded(picture)
    fitted = ImageOps.fit(upright.convert("L" if grey else "RGB"), (side, side), Image.Resampling.LANCZOS)
    pixels = np.array(fitted, dtype=np.uint8).reshape(side, side, -1).transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(pixels))


def light_ground(image: Tensor) -> bool:
    """Whether the border of an image (C, H, W) uint8 is mostly light.

    Pictures of the embedded data set are light things on black; a photograph on white resembles them inverted.
    """
    border = torch.cat([image[:, 0], image[:, -1], image[:, 1:-1, 0], image[:, 1:-1, -1]], dim=1)
    return bool(border.float().median() > LIGHT)


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """Open by content, never by name; nothing but the header is read here."""
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # Pillow's own limits
        raise ImageError(_too_large("It claims more pixels than can be decoded safely")) from error
    except DAMAGE as error:
        raise ImageError(f"This file is not a picture that can be read. {ALLOWED}") from error
    with picture:
        yield picture


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ImageError(_too_large(f"It is {width:,} × {height:,} pixels"))


def _too_large(found: str) -> str:
    return (
        f"This picture is too large. {found}; at most {MAX_SIDE:,} pixels a side and "
        f"{MAX_PIXELS // 1_000_000} million in all are allowed. Shrink it and upload it again."
    )


def _decoded(picture: Image.Image) -> Image.Image:
    try:
        picture.load()
        upright = _eight_bits(ImageOps.exif_transpose(picture))
        reach = max(1, min(upright.size) // ENOUGH)  # the rest is shrunk anyway, and costs memory until then
        return _opaque(upright if reach == 1 or upright.mode in ("P", "PA") else upright.reduce(reach))
    except DAMAGE as error:
        raise ImageError(f"This picture is damaged or cut off and cannot be read. {ALLOWED}") from error


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Scale 16-bit grey down; Pillow's own conversion would cut everything above 255 off. One bit becomes grey."""
    if picture.mode == "1":  # cannot be reduced
        return picture.convert("L")
    if not picture.mode.startswith("I"):
        return picture
    return Image.fromarray((np.clip(np.asarray(picture, dtype=np.int32), 0, 65535) // 257).astype(np.uint8))


def _opaque(picture: Image.Image) -> Image.Image:
    """Return ``picture`` as RGB; what is transparent gets a black ground behind light things, white behind dark."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    values = np.asarray(layered.convert("LA"), dtype=np.float64)
    weight = values[..., 1].sum()
    mean = (values[..., 0] * values[..., 1]).sum() / weight if weight else 0.0
    ground = Image.new("RGBA", layered.size, "black" if mean > LIGHT else "white")
    return Image.alpha_composite(ground, layered).convert("RGB")
