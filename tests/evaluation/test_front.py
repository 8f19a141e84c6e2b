"""The Pareto front: what no other point beats in both numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthoui.evaluation.front import unbeaten

PERCENT = st.integers(0, 6).map(float)


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ([], []),
        ([(3.0, 90.0)], [0]),
        ([(50.0, 95.0), (0.0, 80.0), (10.0, 79.0)], [1, 0]),
        ([(1.0, 90.0), (1.0, 91.0)], [1]),
        ([(1.0, 90.0), (1.0, 90.0)], [0, 1]),
    ],
)
def test_the_front_begins_with_the_best_forgetting(points: list[tuple[float, float]], best: list[int]) -> None:
    assert unbeaten(points) == best


@given(st.lists(st.tuples(PERCENT, PERCENT), max_size=12))
def test_a_point_is_on_the_front_exactly_where_none_is_as_good_and_better_in_one(
    points: list[tuple[float, float]],
) -> None:
    def beaten(one: tuple[float, float]) -> bool:
        return any(other[0] <= one[0] and other[1] >= one[1] and other != one for other in points)

    assert sorted(unbeaten(points)) == [place for place, one in enumerate(points) if not beaten(one)]
