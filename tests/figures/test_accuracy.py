import plotly.graph_objects as go
import pytest

from orthoui.figures import difference_bars, palette, per_class_accuracy
from tests.figures.samples import CLASSES, FIVE, FORGOTTEN, series


def draw(given: list, mode: str = "light", title: str = "Sneaker is forgotten") -> go.Figure:
    return per_class_accuracy(given, CLASSES, FORGOTTEN, mode=mode, title=title)  # type: ignore[arg-type]


def named(figure: go.Figure) -> dict[str, object]:
    return {trace.name: trace for trace in figure.data if trace.name not in ("change", "interval")}


def key_of(figure: go.Figure) -> str:
    return figure.layout.meta["head"]


def test_every_measured_series_is_drawn_with_its_values() -> None:
    traces = named(draw(FIVE))
    assert set(traces) == {"before", "after", "retrained", "random", "mask"}
    for one in FIVE:
        assert tuple(traces[one.name].x) == one.values  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_after_is_vermillion_where_forgotten_and_blue_elsewhere(mode: str) -> None:
    tone = palette(mode)  # type: ignore[arg-type]
    after = named(draw(FIVE, mode))["after"]
    assert list(after.marker.color) == [tone.retained, tone.forgotten, tone.retained]  # type: ignore[attr-defined]


def test_no_two_series_share_a_symbol() -> None:
    traces = named(draw(FIVE))
    assert traces.pop("random").line.dash == "dot"  # type: ignore[attr-defined]
    symbols = [trace.marker.symbol for trace in traces.values()]  # type: ignore[attr-defined]
    assert len(set(symbols)) == 4


def test_what_was_not_measured_is_left_out_of_chart_key_and_text() -> None:
    empty = series("mask", None, None, None)
    figure = draw([FIVE[0], FIVE[1], None, empty])
    assert set(named(figure)) == {"before", "after"}
    assert "mask" not in key_of(figure)
    assert "retrained" not in figure.layout.meta["alt"]


def test_a_single_missing_value_is_not_zero() -> None:
    figure = draw([series("after", 90.0, None, 95.0)])
    assert named(figure)["after"].x[1] is None  # type: ignore[attr-defined]
    assert "Sneaker (forgotten): after not measured" in figure.layout.meta["alt"]
    numbers = [note.text for note in figure.layout.annotations if note.xanchor == "right"]
    assert [number.split(">")[1].split("<")[0] for number in numbers] == ["90.0 %", "–", "95.0 %"]


def test_intervals_are_drawn_from_low_to_high() -> None:
    figure = draw([FIVE[1]])
    ends = {value for trace in figure.data if trace.name == "interval" for value in trace.x if value is not None}
    assert ends == {90.0, 92.0, -0.4, 1.6, 93.0, 95.0}


def test_height_depends_on_the_classes_only() -> None:
    full, short = (
        draw(FIVE),
        draw([None, *FIVE[:2], None, *FIVE[2:]], title="Forgotten, and nothing else has changed"),
    )
    assert full.layout.height == short.layout.height


def test_alt_tells_every_value() -> None:
    alt = draw(FIVE).layout.meta["alt"]
    assert alt.startswith("Sneaker is forgotten. ")
    assert "Sneaker (forgotten): before 97.2 %, after 0.6 %, retrained 0.0 %, random 91.0 %, mask 0.0 %" in alt


def test_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one value for each of 3 classes"):
        draw([series("after", 1.0, 2.0)])


def test_differences_are_centred_on_zero_and_coloured_by_sign() -> None:
    tone = palette("dark")
    figure = difference_bars([0.4, -12.3, None], CLASSES, FORGOTTEN, mode="dark", title="One channel")
    bar = figure.data[0]
    assert list(bar.x) == [0.4, -12.3, 0.0]
    assert list(bar.marker.color[:2]) == [tone.gain, tone.loss]
    low, high = figure.layout.xaxis.range
    assert low == -high
    assert high >= 12.3
    assert figure.layout.meta["alt"].endswith("Dress +0.4; Sneaker −12.3; Bag –.")


def test_differences_keep_a_given_limit() -> None:
    figure = difference_bars([0.4, -2.0, 0.0], CLASSES, mode="light", title="t", limit=20.0)
    assert tuple(figure.layout.xaxis.range) == (-20.0, 20.0)
