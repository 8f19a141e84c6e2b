import pytest

from orthoui.figures import Destination, destinations, palette
from tests.figures.samples import SHARES


def test_top_destinations_first_the_rest_gathered_the_forgotten_class_last() -> None:
    figure = destinations(SHARES, {"Sneaker"}, mode="light", title="To sandals", top=2)
    bar = figure.data[0]
    assert list(bar.customdata) == ["Sandal", "Boot", "others", "still Sneaker"]
    assert list(bar.x) == pytest.approx([61.0, 33.0, 5.4, 0.6])
    assert sum(bar.x) == pytest.approx(sum(one.after for one in SHARES))
    tone = palette("light")
    assert list(bar.marker.color) == [tone.retained] * 3 + [tone.forgotten]


def test_comparisons_are_markers_and_gathered_too() -> None:
    figure = destinations(SHARES, {"Sneaker"}, mode="dark", title="To sandals", top=2)
    before, retrained = figure.data[1:]
    assert (before.name, before.marker.symbol) == ("before", "circle")
    assert (retrained.name, retrained.marker.symbol) == ("retrained", "diamond")
    assert list(retrained.x) == pytest.approx([58.0, 37.0, 5.0, 0.0])
    assert "Sandal: 61.0 % (before 1.0 %, retrained 58.0 %)" in figure.layout.meta["alt"]


def test_without_comparison_only_bars() -> None:
    shares = [Destination("Bag", 90.0), Destination("Sneaker", 10.0)]
    figure = destinations(shares, {"Sneaker"}, mode="light", title="t")
    assert [trace.name for trace in figure.data] == ["after"]
    assert "retrained" not in figure.layout.meta["head"]


def test_same_rows_and_height_at_every_step() -> None:
    start = [Destination(one.name, one.before or 0.0, one.before, one.retrained) for one in SHARES]
    drawn = [destinations(shares, {"Sneaker"}, mode="light", title="t") for shares in (start, SHARES)]
    assert drawn[0].layout.height == drawn[1].layout.height
    assert drawn[0].data[0].customdata[-1] == drawn[1].data[0].customdata[-1] == "still Sneaker"
