"""Methods side by side: marks that can be clicked, the front, times, damage, answers and likeness."""

import pytest

from orthoui.figures import (
    PALETTES,
    MethodPoint,
    Mode,
    SimilarityLine,
    damage_grid,
    prediction_matrix,
    similarity_lines,
    time_bars,
    trade_off,
)
from tests.figures.samples import CLASSES

POINTS = [
    MethodPoint("a", "Soft pruning", 0.0, 91.0, 0.0, "4 ms", "method"),
    MethodPoint("b", "SCRUB", 2.0, 92.5, 1.0, "2 min", "method", picked=True),
    MethodPoint("c", "Logit mask", 0.0, 92.0, 0.0, "1 ms", "control"),
    MethodPoint("d", "Original", 97.0, 92.0, 0.0, "1 ms", "original"),
    MethodPoint("e", "Retrain", 0.0, 92.6, 1.0, "5 min", "retrained"),
]


def drawn(points: list[MethodPoint], mode: Mode = "light") -> object:
    return trade_off(points, ["a", "b"], mode=mode, title="Two are not beaten", subtitle="test images")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_kinds_of_points_are_told_apart_without_colour_and_carry_their_key(mode: Mode) -> None:
    figure = drawn(POINTS, mode)
    line, marks = figure.data  # type: ignore[attr-defined]
    assert (tuple(line.x), tuple(line.y)) == ((0.0, 2.0), (91.0, 92.5))
    assert [key for key, *_ in marks.customdata] == ["a", "b", "c", "d", "e"]
    assert len(set(marks.marker.symbol)) == 4
    assert marks.marker.size[1] > marks.marker.size[0]
    assert marks.marker.line.color[1] == PALETTES[mode].text
    alt = figure.layout.meta["alt"]  # type: ignore[attr-defined]
    assert "SCRUB: 2.0 % left, 92.5 % kept" in alt


def test_every_point_has_its_name_until_there_are_too_many() -> None:
    def names(points: list[MethodPoint]) -> set[str]:
        return {note.text for note in drawn(points).layout.annotations}  # type: ignore[attr-defined]

    assert {point.name for point in POINTS} <= names(POINTS)
    crowd = [MethodPoint(str(n), f"Method {n}", float(n), 90.0, 0.5, "1 s", "method") for n in range(30)]
    many = names([*POINTS, *crowd])
    assert {"Soft pruning", "SCRUB", "Original"} <= many
    assert "Method 7" not in many


def test_times_stand_on_a_logarithmic_axis_with_their_numbers() -> None:
    figure = time_bars(["A", "B"], [0.004, 300.0], ["4 ms", "5 min"], mode="light", title="T", subtitle="s")
    assert figure.layout.xaxis.type == "log"
    assert tuple(figure.data[0].x) == (0.004, 300.0)
    written = " ".join(note.text for note in figure.layout.annotations)
    assert "4 ms" in written and "5 min" in written


def test_damage_is_shown_for_every_class_and_what_was_not_measured_is_empty() -> None:
    figure = damage_grid(
        ["SSD"], CLASSES, [[-3.0, -97.0, None]], {1}, mode="dark", title="Dress loses most", subtitle="points"
    )
    (grid,) = figure.data
    assert tuple(grid.z[0]) == (-3.0, -97.0, None)
    assert list(grid.text[0]) == ["−3", "−97", "–"]
    assert (grid.zmin, grid.zmax) == (-20, 20)
    assert "Sneaker −97.0" in figure.layout.meta["alt"]


def test_the_matrix_says_how_sure_the_network_is() -> None:
    shares = [[90.0, 5.0, 5.0], [0.0, 2.0, 98.0], [0.0, 0.0, 100.0]]
    figure = prediction_matrix(shares, [0.9, 0.5, None], CLASSES, {1}, mode="light", title="A", subtitle="b")
    assert [list(row) for row in figure.data[0].z] == shares
    written = " ".join(note.text for note in figure.layout.annotations)
    assert "90 %" in written and "50 %" in written and "–" in written
    assert "Sneaker: 2 % right, 50 % sure" in figure.layout.meta["alt"]


def test_likeness_runs_over_the_layers_and_skips_what_was_not_measured() -> None:
    lines = [
        SimilarityLine("forgotten", {"conv1": 1.0, "layer4": 0.2}, "forgotten"),
        SimilarityLine("others", {"conv1": 1.0, "layer1": 0.9, "layer4": 0.8}, "retained", "dash"),
    ]
    figure = similarity_lines(lines, mode="light", title="Likeness", subtitle="CKA")
    assert tuple(figure.layout.xaxis.ticktext) == ("conv1", "layer4", "layer1")
    first, second = figure.data
    assert (tuple(first.x), tuple(second.x)) == ((0, 1), (0, 1, 2))
    assert first.line.color != second.line.color and first.line.dash != second.line.dash
