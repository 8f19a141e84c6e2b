"""Decoding a source: every kind of picture becomes RGB of one size, and the others are refused by name."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from orthoui.data.pictures import BATCH, fill, fitting_side
from orthoui.data.sources import FolderSource, TarSource
from tests.data.made import bomb, class_files, packed, picture, put


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(mode: str, size: tuple[int, int] = (40, 40)) -> Image.Image:
    image = Image.new("RGB", size, (5, 5, 5))
    image.paste((250, 250, 250), (0, 0, size[0] // 2, size[1]))
    return image.convert(mode)


def odd_pictures() -> dict[str, bytes]:
    sixteen = np.zeros((40, 40), np.uint16)
    sixteen[:, :20] = 64_000
    turned = Image.Exif()
    turned[0x0112] = 3  # upside down, so that left and right are swapped
    return {
        "grey.png": encoded(halves("L"), "PNG"),
        "palette.gif": encoded(halves("P"), "GIF"),
        "cmyk.jpg": encoded(halves("CMYK"), "JPEG"),
        "alpha.webp": encoded(halves("RGBA"), "WEBP", lossless=True),
        "bits.PNG": encoded(Image.fromarray(sixteen), "PNG"),
        "one.bmp": encoded(halves("1"), "BMP"),
        "wide.jpeg": encoded(halves("RGB", (120, 40)), "JPEG"),
        "turned.jpg": encoded(halves("RGB").rotate(180), "JPEG", exif=turned),
    }


def test_every_kind_of_picture_becomes_rgb_of_one_size(tmp_path: Path) -> None:
    source = FolderSource(put(tmp_path / "odd", odd_pictures()), "odd")
    pool = fill(source, 32, tmp_path / "pool")
    assert pool.paths == tuple(sorted(odd_pictures())) and pool.refused == {}
    assert pool.rows().shape == (8, 3, 32, 32)
    for image in pool.rows():
        assert image[:, :, :12].mean() > 230 and image[:, :, 20:].mean() < 25


def test_a_picture_of_the_right_size_is_not_altered(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(pixels), "PNG")
    pool = fill(FolderSource(put(tmp_path / "a", {"1.png": content}), "a"), 32, tmp_path / "pool")
    assert np.array_equal(pool.rows()[0].transpose(1, 2, 0), pixels)


def test_unusable_pictures_are_refused_by_name_and_stop_nothing(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    whole = encoded(noise, "PNG")
    files = {
        "a.png": picture("cat"),
        "bomb.png": bomb(12_000),
        "cut.png": whole[: len(whole) // 2],
        "empty.png": b"",
        "text.jpg": b"not a picture",
        "vector.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "wide.png": encoded(Image.new("L", (9_000, 4)), "PNG"),
        "z.png": picture("dog"),
    }
    pool = fill(FolderSource(put(tmp_path / "a", files), "a"), 32, tmp_path / "pool")
    assert pool.paths == ("a.png", "z.png")
    assert pool.refused == {
        "bomb.png": "picture is too large",
        "cut.png": "picture is damaged or cut off and cannot be read",
        "empty.png": "file is empty",
        "text.jpg": "file is not a picture that can be read",
        "vector.png": "file is not a picture that can be read",
        "wide.png": "picture is too large",
    }


def test_progress_is_told_and_can_stop_the_work(tmp_path: Path) -> None:
    files = class_files(BATCH, 1)
    source = FolderSource(put(tmp_path / "pets", files), "pets")
    told: list[tuple[str, float]] = []
    fill(source, 8, tmp_path / "pool", lambda doing, share: told.append((doing, share)))
    assert [doing for doing, _ in told] == ["Reading images: 64", "Reading images: 128", "Reading images: 130"]
    assert told[-1][1] == 1 and told[0][1] < told[1][1]

    def stop(doing: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(source, 8, tmp_path / "pool", stop)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(30, 20), (28, 28)], 32),
        ([(64, 48), (60, 90)], 64),
        ([(500, 375), (640, 480), (32, 32)], 224),
        ([(100, 3000)] * 3, 128),
        ([(1, 1)], 32),
    ],
)
def test_the_side_fits_the_shorter_sides(tmp_path: Path, sizes: list[tuple[int, int]], side: int) -> None:
    files = {f"cat/{number}.png": picture("cat", size=size) for number, size in enumerate(sizes)}
    files |= {"cat/broken.png": b"x", "cat/notes.txt": b"x", "cat/bomb.png": bomb(20_000)}
    assert fitting_side(FolderSource(put(tmp_path / "a", files), "a")) == side
    assert fitting_side(TarSource(packed(tmp_path / "a.tar.zst", files), "a")) == side


def test_without_a_picture_there_is_a_side_all_the_same(tmp_path: Path) -> None:
    assert fitting_side(FolderSource(put(tmp_path / "a", {"cat/notes.txt": b"x"}), "a")) == 32
