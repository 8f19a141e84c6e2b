"""Curves of a training: every finished epoch, room for all of them, words for who cannot see it."""

import pytest

from orthoui.figures import PALETTES, EpochLine, Mode, epoch_lines

LINES = [EpochLine("calibration images", (50.0, 75.5)), EpochLine("while training", (40.0, 70.0), "beside")]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_two_curves_are_told_apart_without_colour(mode: Mode) -> None:
    figure = epoch_lines(
        LINES, 18, mode=mode, title="75.5 % right", subtitle="of 100", axis="accuracy (%)", unit=" %"
    )
    main, beside = figure.data
    assert (tuple(main.x), tuple(main.y)) == ((1, 2), (50.0, 75.5))
    assert (main.line.dash, beside.line.dash) == ("solid", "dot")
    assert (main.line.color, beside.line.color) == (PALETTES[mode].text, PALETTES[mode].before)
    assert tuple(figure.layout.xaxis.range) == (0, 18.5)
    assert figure.layout.meta["alt"] == (
        "75.5 % right. Last values: calibration images 75.5 %; while training 70.0 %."
    )


def test_room_is_kept_before_the_first_epoch() -> None:
    empty, later = (
        epoch_lines([EpochLine("loss", values)], 5, mode="light", title="Loss", subtitle="mean", axis="loss")
        for values in ((), (1.0, 0.5))
    )
    assert empty.layout.height == later.layout.height
    assert empty.layout.meta["alt"] == "Loss. No epoch is finished yet."


def test_many_epochs_are_a_line_without_marks() -> None:
    values = tuple(float(value) for value in range(100))
    figure = epoch_lines([EpochLine("loss", values)], 100, mode="light", title="L", subtitle="", axis="loss")
    assert figure.data[0].mode == "lines"
    assert figure.layout.yaxis.range[1] > 99


def test_the_epoch_under_way_goes_on_from_the_last_one_in_points_without_marks() -> None:
    line = EpochLine("loss", (1.5, 1.0), since=((0.25, 0.9), (0.5, 0.8)))
    figure = epoch_lines([line], 5, mode="light", title="Loss", subtitle="mean", axis="loss")
    (trace,) = figure.data
    assert (tuple(trace.x), tuple(trace.y)) == ((1, 2, 2.25, 2.5), (1.5, 1.0, 0.9, 0.8))
    assert len(set(trace.marker.size[:2])) == 1 and max(trace.marker.size[2:]) < min(trace.marker.size[:2])
    assert figure.layout.meta["alt"].endswith("Last values: loss 0.8.")
    first = epoch_lines(
        [EpochLine("loss", (), since=((0.5, 2.0),))], 5, mode="light", title="Loss", subtitle="", axis="loss"
    )
    assert tuple(first.data[0].x) == (0.5,) and first.layout.xaxis.range[0] <= 0.5
