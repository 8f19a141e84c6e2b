import base64
import io

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from orthoui.figures import channel_grid, data_uri, image_row, overlay_heatmap, palette, to_png
from orthoui.figures.heading import heading
from orthoui.figures.montage import LEVELS, levels, map_png, montage
from orthoui.figures.theme import cividis

RANDOM = np.random.default_rng(0)


def pixels(png: bytes, mode: str = "RGBA") -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert(mode))


def picture_of(figure: go.Figure) -> np.ndarray:
    kind, _, body = figure.layout.images[0].source.partition(",")
    assert kind == "data:image/png;base64"
    return pixels(base64.b64decode(body))


def test_common_scaling_spans_all_maps_and_own_scaling_each() -> None:
    maps = np.array([[[0.0, 1.0]], [[2.0, 4.0]]])
    assert levels(maps).ravel().tolist() == [0, 64, 127, 254]
    assert levels(maps, "map").ravel().tolist() == [0, 254, 0, 254]
    assert levels(maps, limits=(0.0, 2.0)).ravel().tolist() == [0, 127, 254, 254]


def test_a_map_without_contrast_is_dark_and_nothing_is_nothing() -> None:
    assert levels(np.full((2, 2, 2), 7.0)).max() == 0
    assert levels(np.zeros((0, 4, 4))).shape == (0, 4, 4)


def test_maps_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(n, h, w\)"):
        levels(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="finite"):
        levels(np.array([[[np.nan]]]))


@given(
    count=st.integers(1, 9), columns=st.integers(1, 5), height=st.integers(1, 4), width=st.integers(1, 4),
    scale=st.integers(1, 3), gap=st.integers(0, 3),
)  # fmt: skip
def test_montage_pixels_are_those_of_the_tiles(
    count: int, columns: int, height: int, width: int, scale: int, gap: int
) -> None:
    tiles = np.random.default_rng(count).integers(0, 255, (count, height, width), dtype=np.uint8)
    picture, cells = montage(tiles, columns, scale=scale, gap=gap)
    used = np.zeros(picture.shape, dtype=bool)
    for place in range(count):
        row, column = divmod(place, min(columns, count))
        top, left = row * (height * scale + gap), column * (width * scale + gap)
        cell = (slice(top, top + height * scale), slice(left, left + width * scale))
        np.testing.assert_array_equal(picture[cell], np.kron(tiles[place], np.ones((scale, scale), np.uint8)))
        assert cells.corner(place) == (left, top)
        used[cell] = True
    assert (picture[~used] == 255).all()
    assert picture.shape == cells.size[::-1]


def test_map_png_is_cividis_with_transparent_gaps() -> None:
    seen = pixels(map_png(np.array([[0, 100, 254, 255]], dtype=np.uint8)))[0]
    np.testing.assert_array_equal(seen[:3, :3], cividis(LEVELS)[[0, 100, 254]])
    assert seen[:, 3].tolist() == [255, 255, 255, 0]


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (3, 4, 4)])
def test_png_is_lossless_and_enlarged_without_smoothing(shape: tuple[int, ...]) -> None:
    picture = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    seen = np.asarray(Image.open(io.BytesIO(to_png(picture, 2))))
    np.testing.assert_array_equal(seen, picture.repeat(2, 0).repeat(2, 1))


def test_data_uri_holds_the_file() -> None:
    png = to_png(np.zeros((2, 2), np.uint8))
    assert base64.b64decode(data_uri(png).removeprefix("data:image/png;base64,")) == png


def test_overlay_is_the_weighted_mean_and_leaves_its_arguments_alone() -> None:
    image = RANDOM.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    heat = RANDOM.random((4, 5))
    image_before, heat_before = image.copy(), heat.copy()
    wanted = 0.75 * image + 0.25 * cividis()[np.rint(heat * 255).astype(int)]
    np.testing.assert_allclose(overlay_heatmap(image, heat, 0.25), wanted, atol=0.51)
    np.testing.assert_array_equal(overlay_heatmap(image, heat, 0.0), image)
    np.testing.assert_array_equal(image, image_before)
    np.testing.assert_array_equal(heat, heat_before)
    with pytest.raises(ValueError, match="same pixels"):
        overlay_heatmap(image, heat[:2])


def test_grid_is_one_picture_and_one_target_a_cell() -> None:
    maps = RANDOM.random((6, 8, 8))
    figure = channel_grid(maps, columns=3, channels=[5, 9, 2, 7, 1, 0], factors={9: 0.3}, mode="light", title="Maps")
    cells = next(trace for trace in figure.data if trace.name == "cells")
    assert len(figure.layout.images) == 1
    assert list(cells.customdata) == [5, 9, 2, 7, 1, 0]
    assert list(cells.hovertext)[:2] == ["channel 5", "channel 9, pruned, factor 0.30"]
    drawn = picture_of(figure)
    wanted = cividis(LEVELS)[levels(maps)]
    for place, (x, y) in enumerate(zip(cells.x, cells.y, strict=True)):
        # The middle of a cell is the corner of the four middle pixels; one step further lies inside the pixel.
        np.testing.assert_array_equal(drawn[int(y) + 1, int(x) + 1, :3], wanted[place, 4, 4])


def test_pruned_cells_have_a_frame_and_a_corner_and_the_selected_one_a_thicker_frame() -> None:
    tone = palette("dark")
    figure = channel_grid(np.ones((4, 2, 2)), factors={1: 0.5, 3: 0.0}, selected=2, mode="dark", title="Maps")
    drawn = {trace.name: trace for trace in figure.data}
    assert drawn["pruned"].line.color == drawn["corner"].fillcolor == tone.forgotten
    assert list(drawn["corner"].x).count(None) == list(drawn["pruned"].x).count(None) == 2
    assert drawn["selected"].line.color == tone.cut
    assert drawn["selected"].line.width > drawn["pruned"].line.width
    assert "pruned channels: 1, 3." in figure.layout.meta["alt"]


def test_nothing_marked_means_no_marks_and_no_key() -> None:
    figure = channel_grid(np.ones((4, 2, 2)), mode="light", title="Maps", selected=99)
    assert [trace.name for trace in figure.data] == ["cells"]
    assert figure.layout.meta["head"] == heading("Maps")
    assert figure.layout.meta["alt"].endswith("pruned channels: none.")


def test_grid_keeps_proportions_and_grows_with_the_width_it_is_made_for() -> None:
    maps = np.ones((64, 8, 8))
    narrow, wide = (channel_grid(maps, width=width, mode="light", title="t") for width in (358, 716))
    assert narrow.layout.yaxis.scaleanchor == "x"
    assert wide.layout.height - narrow.layout.height == pytest.approx(358, abs=2)


def test_sixty_four_maps_are_light() -> None:
    ramp = np.linspace(0, 3, 32)
    maps = np.sin(ramp[None, :, None] * RANDOM.uniform(1, 3, (64, 1, 1)) + ramp[None, None, :])
    assert len(channel_grid(maps, mode="light", title="t").to_json()) < 120_000


def test_image_row_shows_grey_and_colour_with_labels() -> None:
    grey = RANDOM.integers(0, 256, (4, 4), dtype=np.uint8)
    colour = RANDOM.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    figure = image_row([grey, colour], ["Bag", "Sneaker"], marked={1}, selected=0, mode="light")
    drawn = picture_of(figure)
    assert drawn[0, 0].tolist() == [*[grey[0, 0]] * 3, 255]
    left = int(next(trace for trace in figure.data if trace.name == "corner").x[1]) - 1
    assert drawn[0, left].tolist() == [*colour[0, 3], 255]
    assert [note.text for note in figure.layout.annotations] == ["Bag", "Sneaker"]
    assert figure.layout.annotations[1].font.color == palette("light").forgotten
    assert figure.layout.meta["alt"] == "2 images: Bag, Sneaker."
    with pytest.raises(ValueError, match="1 labels do not fit 2 images"):
        image_row([grey, colour], ["Bag"], mode="light")
