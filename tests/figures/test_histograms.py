import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from orthoui.figures import DifferenceBins, LayerDifferences, difference_histogram, layer_histograms, palette
from orthoui.figures.strips import MAX_MARKS, ZERO
from tests.figures.samples import RESNET_18, layers

BINS = DifferenceBins([-1.0, 0.0, 1.0, 2.0], [900, 100, 0], [0, 4, 9])


def sent(figure: go.Figure) -> int:
    """Bytes that go to the browser."""
    return len(plotly.io.to_json(figure, validate=False, engine="orjson").encode())


def traces(figure: go.Figure) -> dict[str, object]:
    return {trace.name: trace for trace in figure.data}


def test_counts_by_colour_are_the_counts_given() -> None:
    tone = palette("light")
    drawn = traces(difference_histogram(BINS, cut=0.5, mode="light", title="13 channels"))
    counts = {name: sum(row[3] for row in trace.customdata) for name, trace in drawn.items()}  # type: ignore[attr-defined]
    assert counts == {"pruned": sum(BINS.pruned), "kept": sum(BINS.kept)}
    assert drawn["pruned"].marker.color == tone.forgotten  # type: ignore[attr-defined]
    assert drawn["kept"].marker.color == tone.kept  # type: ignore[attr-defined]


def test_heights_are_square_roots_and_stack_to_the_total() -> None:
    drawn = traces(difference_histogram(BINS, mode="dark", title="t"))
    kept, pruned = drawn["kept"], drawn["pruned"]
    assert list(pruned.y) == pytest.approx([2.0, 3.0])  # type: ignore[attr-defined]
    tops = np.add(kept.base, kept.y) ** 2  # type: ignore[attr-defined]
    assert list(tops) == pytest.approx([900.0, 104.0])


def test_a_bar_says_which_bin_it_is() -> None:
    pruned = traces(difference_histogram(BINS, mode="light", title="t"))["pruned"]
    assert [list(row) for row in pruned.customdata] == [[1, 0.0, 1.0, 4], [2, 1.0, 2.0, 9]]  # type: ignore[attr-defined]


def test_the_cut_is_a_labelled_line_and_absent_without_one() -> None:
    figure = difference_histogram(BINS, cut=0.5, mode="dark", title="t")
    assert [shape.x0 for shape in figure.layout.shapes] == [0.5]
    assert figure.layout.shapes[0].line.color == "#FFFFFF"
    assert "cut 0.50" in [note.text for note in figure.layout.annotations]
    assert "13 pruned, cut at 0.50" in figure.layout.meta["alt"]
    assert not difference_histogram(BINS, mode="dark", title="t").layout.shapes


def test_an_empty_histogram_is_drawn() -> None:
    figure = difference_histogram(DifferenceBins([0.0, 1.0], [0], [0]), mode="light", title="Nothing to prune")
    assert "0 channels: 0 pruned" in figure.layout.meta["alt"]


def test_bins_must_fit() -> None:
    with pytest.raises(ValueError, match="one more edge"):
        DifferenceBins([0.0, 1.0], [1, 2], [0, 0])


def test_every_channel_is_one_mark_that_names_itself() -> None:
    given = layers(16, 32, 64, ratio=0.1)
    drawn = traces(layer_histograms(given, mode="light", title="t"))
    for name, wanted in (("kept", False), ("pruned", True)):
        marks = {tuple(mark) for mark in drawn[name].customdata}  # type: ignore[attr-defined]
        assert marks == {
            (layer.name, channel) for layer in given for channel in np.flatnonzero(layer.pruned == wanted)
        }
    first = drawn["pruned"]
    layer, channel = given[0], first.customdata[0][1]  # type: ignore[attr-defined]
    share = layer.values[channel] / np.abs(layer.values).max()
    assert (first.x[0] - ZERO) / ZERO == pytest.approx(share, abs=1e-3)  # type: ignore[attr-defined]


def test_cuts_lie_between_kept_and_pruned() -> None:
    given = layers(64, 128)
    drawn = traces(layer_histograms(given, mode="light", title="t"))
    for row in (0, 1):
        kept = drawn["kept"].x[drawn["kept"].y == row]  # type: ignore[attr-defined]
        assert kept.max() <= drawn["cut"].x[row] <= drawn["pruned"].x[drawn["pruned"].y == row].min()  # type: ignore[attr-defined]


def test_nothing_pruned_and_a_silent_layer() -> None:
    silent = LayerDifferences("conv1", np.zeros(4), np.zeros(4, dtype=bool))
    figure = layer_histograms([silent], mode="dark", title="Ratio 0")
    drawn = traces(figure)
    assert len(drawn["pruned"].x) == len(drawn["cut"].x) == 0  # type: ignore[attr-defined]
    assert list(drawn["kept"].x) == [ZERO] * 4  # type: ignore[attr-defined]
    assert "conv1 0 of 4 channels" in figure.layout.meta["alt"]


def test_the_selected_channel_has_a_ring_and_an_unknown_one_none() -> None:
    given = layers(16, 16)
    ring = traces(layer_histograms(given, mode="light", title="t", selected=(given[1].name, 3)))["selected"]
    assert list(ring.y) == [1]  # type: ignore[attr-defined]
    assert "selected" not in traces(layer_histograms(given, mode="light", title="t", selected=("other", 3)))


def test_a_click_does_not_fade_the_other_marks() -> None:
    drawn = traces(layer_histograms(layers(16), mode="light", title="t"))
    assert drawn["kept"].unselected.marker.opacity == 1  # type: ignore[attr-defined]


def test_a_full_width_network_is_light_and_complete() -> None:
    figure = layer_histograms(layers(*RESNET_18), mode="light", title="t")
    assert sum(len(traces(figure)[name].x) for name in ("kept", "pruned")) == sum(RESNET_18) == 4800  # type: ignore[attr-defined]
    assert sent(figure) < 150_000


def test_the_embedded_width_is_lighter_still() -> None:
    assert sent(layer_histograms(layers(*(count // 4 for count in RESNET_18)), mode="dark", title="t")) < 50_000


def test_a_large_network_is_thinned_openly_and_keeps_its_extremes() -> None:
    given = layers(*(500,) * 53, ratio=0.1)
    figure = layer_histograms(given, mode="light", title="t", subtitle="Click one.")
    drawn = traces(figure)
    assert sum(len(drawn[name].x) for name in ("kept", "pruned")) <= MAX_MARKS + 2 * 53  # type: ignore[attr-defined]
    largest = (given[0].name, int(np.argmax(given[0].values)))
    assert largest in {tuple(mark) for mark in drawn["pruned"].customdata}  # type: ignore[attr-defined]
    assert "One in 6 channels" in figure.layout.meta["head"]
    assert sent(figure) < 200_000


def test_a_histogram_is_small() -> None:
    assert sent(difference_histogram(BINS, mode="light", title="t")) < 8_000
