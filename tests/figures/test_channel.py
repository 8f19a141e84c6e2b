"""One channel close up: bars, filter and map as they are drawn."""

import io

import numpy as np
import pytest
from PIL import Image

from orthoui.figures import filter_png, palette, response_bars, single_map_png
from tests.figures.samples import CLASSES, FORGOTTEN


def test_bars_show_every_class_in_its_colour() -> None:
    figure = response_bars([1.2, 3.8, -0.01], CLASSES, FORGOTTEN, mode="light", title="Sneaker excites it")
    tone = palette("light")
    assert list(figure.data[0].x) == [1.2, 3.8, -0.01]
    assert list(figure.data[0].marker.color) == [tone.retained, tone.forgotten, tone.retained]
    assert "Dress 1.2; Sneaker 3.8; Bag 0.0" in figure.layout.meta["alt"]
    with pytest.raises(ValueError, match="do not fit"):
        response_bars([1.0], CLASSES, (), mode="light", title="")


def test_zero_is_the_middle_of_a_filters_scale() -> None:
    weights = np.array([[[0.0, 2.0], [-2.0, 1.0]]], dtype=np.float32)
    pixels = np.asarray(Image.open(io.BytesIO(filter_png(weights, "dark", side=2))).convert("RGB"))
    tone = palette("dark")
    colours = ["#" + pixels[at].tobytes().hex().upper() for at in ((0, 0), (0, 1), (1, 0))]
    assert colours == [tone.middle, tone.gain, tone.loss]
    with pytest.raises(ValueError, match="filter"):
        filter_png(weights[0], "dark")


def test_a_map_keeps_its_shape_and_is_enlarged() -> None:
    values = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    assert Image.open(io.BytesIO(single_map_png(values, (0.0, 1.0), side=32))).size == (32, 32)
