"""Uploads: everything that is refused is refused in words, and what is let in becomes an image of the data set."""

import io
import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from orthoui.data.uploads import MAX_BYTES, light_ground, read_upload
from orthoui.errors import ImageError
from tests.data.made import bomb


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(
    size: tuple[int, int] = (40, 40), left: object = (250, 250, 250), right: object = (5, 5, 5)
) -> Image.Image:
    picture = Image.new("RGB", size, right)
    picture.paste(left, (0, 0, size[0] // 2, size[1]))
    return picture


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize(("grey", "channels"), [(True, 1), (False, 3)])
def test_every_kind_becomes_an_image_of_the_data_set(kind: str, grey: bool, channels: int) -> None:
    image = read_upload(encoded(halves(), kind), side=28, grey=grey)
    assert image.shape == (channels, 28, 28) and image.dtype == torch.uint8
    assert image[:, :, :10].float().mean() > 230 and image[:, :, 18:].float().mean() < 25


@pytest.mark.parametrize("wide", [40, 1040])  # from 1024 pixels a side on, a picture is reduced first
@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16", "RGBA", "LA"])
def test_every_colour_mode_is_converted(mode: str, wide: int) -> None:
    if mode == "I;16":
        values = np.zeros((wide, wide), np.uint16)
        values[:, : wide // 2] = 64_000
        content = encoded(Image.fromarray(values), "PNG")
    else:
        content = encoded(halves((wide, wide)).convert(mode), "JPEG" if mode == "CMYK" else "PNG")
    image = read_upload(content, side=20, grey=True)
    assert image[0, 10, 2] > 230 and image[0, 10, 17] < 25


def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    values = np.full((8, 8), 32_896, np.uint16)  # half of the brightest
    assert read_upload(encoded(Image.fromarray(values), "PNG"), side=8, grey=True).unique().tolist() == [128]


@pytest.mark.parametrize(("shade", "ground"), [(20, 255), (230, 0)])
def test_transparent_pictures_get_a_ground_they_stand_out_from(shade: int, ground: int) -> None:
    picture = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    picture.paste((shade, shade, shade, 255), (5, 5, 15, 15))
    image = read_upload(encoded(picture, "PNG"), side=20, grey=True)
    assert (int(image[0, 0, 0]), int(image[0, 10, 10])) == (ground, shade)


def test_a_rotated_photograph_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: the left half ends up on top
    image = read_upload(encoded(halves(), "JPEG", exif=exif), side=20, grey=True)
    assert image[0, 2].float().mean() > 230 and image[0, 17].float().mean() < 25


def test_the_first_frame_of_an_animation_is_read() -> None:
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("white", "black", "black")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_upload(content, side=10, grey=True).min() == 255


def test_the_middle_square_is_used() -> None:
    wide = halves((90, 30), "white", "black")
    wide.paste("red", (0, 0, 30, 30))
    image = read_upload(encoded(wide, "PNG"), side=30, grey=False)
    assert image[:, 15, 2].tolist() == [255, 255, 255] and image[:, 15, 27].tolist() == [0, 0, 0]


def test_a_light_ground_is_noticed() -> None:
    picture = Image.new("L", (30, 30), 250)
    picture.paste(40, (10, 10, 20, 20))
    image = read_upload(encoded(picture, "PNG"), side=30, grey=True)
    assert light_ground(image) and not light_ground(255 - image)


def refused(content: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        read_upload(content, side=28, grey=True)
    return str(caught.value)


def test_what_is_no_picture_is_refused() -> None:
    allowed = "Choose a PNG, JPEG, WebP, GIF or BMP picture of at most 5 MB and 8,000 pixels a side."
    assert refused(b"just words") == f"This file is not a picture that can be read. {allowed}"
    assert refused(b"") == f"This file is empty. {allowed}"
    assert refused(encoded(halves(), "TIFF")) == f"This file is not a picture that can be read. {allowed}"
    assert refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>").endswith(allowed)


def test_a_file_of_too_many_bytes_is_refused() -> None:
    assert refused(b"\0" * (MAX_BYTES + 1)) == "This file has 5.0 MB; at most 5 MB are allowed. Save it smaller."


def test_a_picture_20000_pixels_wide_is_refused() -> None:
    said = refused(encoded(Image.new("L", (20_000, 40)), "PNG"))
    assert "It is 20,000 × 40 pixels; at most 8,000 pixels a side" in said and "Shrink it" in said


@pytest.mark.parametrize("side", [7_000, 12_000, 50_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    content = bomb(side)
    assert len(content) < 100_000
    tracemalloc.start()
    said = refused(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said.startswith("This picture is too large.") and "24 million in all" in said
    assert peak < 10_000_000


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_truncated_picture_is_refused(kind: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    content = encoded(noise, kind)
    for part in (content[: len(content) // 2], content[:40]):
        assert "be read" in refused(part)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_damaged_bytes_never_raise_anything_else(kind: str) -> None:
    content = bytearray(encoded(halves(), kind))
    generator = np.random.default_rng(1)
    for _ in range(150):
        broken = bytearray(content)
        for place in generator.integers(0, len(broken), 6):
            broken[place] = int(generator.integers(0, 256))
        try:
            image = read_upload(bytes(broken), side=8, grey=True)
        except ImageError as error:
            assert str(error).endswith(".")
        else:
            assert image.shape == (1, 8, 8)
