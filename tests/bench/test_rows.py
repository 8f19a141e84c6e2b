"""The arithmetic of the benchmark's rows, against numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthoui.bench import live, sessions
from orthoui.bench.clock import Budget, alternating, repeated
from orthoui.bench.page import Step
from orthoui.bench.rows import Row, amount, described, median, percentile
from orthoui.models.device import resolve_device

UPPER = Row(what="time", unit="ms", goal=5)
LOWER = Row(what="share", unit="%", goal=80, bound="at least")


@pytest.mark.parametrize(
    ("row", "value", "met"),
    [(UPPER, 4.9, True), (UPPER, 5, True), (UPPER, 5.1, False), (LOWER, 79.9, False), (LOWER, 80, True)],
)
def test_a_goal_is_a_bound_that_may_be_touched(row: Row, value: float, met: bool) -> None:
    assert row.met is None
    assert row.measured(value, "once").met is met


def test_what_was_not_measured_meets_nothing() -> None:
    row = UPPER.missing("there is no GPU here")
    assert (row.value, row.met, row.reason) == (None, None, "there is no GPU here")
    assert Row(what="context", unit="ms").measured(3, "once").met is None


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_are_numpys_and_in_order(values: list[float]) -> None:
    assert median(values) == np.median(values)
    assert min(values) <= percentile(values, 25) <= percentile(values, 95) <= max(values)


def test_units_are_always_written() -> None:
    assert amount(1234.56, "ms") == "1,234.6 ms"
    assert described([3.0], "s", "starts").startswith("n = 1 starts, median 3.0 s")


def test_steps_become_medians_and_percentiles() -> None:
    steps = [Step(sent=i, changed=100 + i, exact=1000 + i) for i in range(101)]
    headline, headline_95, exact, exact_95, sent = live.step_rows(steps)
    assert [row.value for row in (headline, headline_95, exact, exact_95, sent)] == [150, 195, 1050, 1095, 50]
    assert (headline.met, headline_95.met, exact.met, exact_95.met, sent.met) == (True, True, True, None, None)
    assert headline.how.startswith("n = 101 steps")


def test_no_step_in_time_is_not_a_zero() -> None:
    for row in live.step_rows([]):
        assert row.value is None
        assert row.reason == "the time was up before the first step"


def test_several_starts_give_their_median() -> None:
    exact, complete = live.start_row(live.NUMBERS_ROW, [4, 6, 5]), live.start_row(live.COMPLETE_ROW, [9, 7, 20])
    assert (exact.value, exact.met, complete.value, complete.met) == (5, True, 9, False)


def test_memory_is_counted_per_session_beyond_the_first() -> None:
    row = sessions.session_row(500, 590.5, 10, 44.8, rested=True)
    assert row.value == pytest.approx(90.5 / 9)
    assert row.met is False
    assert "still computing" not in row.how
    assert "still computing" in sessions.session_row(500, 590, 10, 44.8, rested=False).how


def test_two_things_take_turns_after_a_warm_up() -> None:
    calls: list[str] = []
    one, other = alternating(lambda: calls.append("a"), lambda: calls.append("b"), resolve_device("cpu"), 3)
    assert "".join(calls) == "ab" * 4
    assert len(one) == len(other) == 3
    assert min(one + other) >= 0


def test_different_calls_are_timed_one_by_one() -> None:
    calls: list[int] = []
    seconds = repeated([lambda i=i: calls.append(i) for i in range(3)], resolve_device("cpu"))
    assert calls == [0, 0, 1, 2]
    assert len(seconds) == 3


def test_a_budget_counts_from_the_start_of_the_process() -> None:
    budget = Budget(10)
    assert budget.spent > 0
    assert budget.left < 10
    assert Budget(None).left == float("inf")


def test_a_limit_is_never_longer_than_what_is_left_nor_without_end() -> None:
    assert Budget(None).within(60) == 60
    assert 0 < Budget(0).within(60) < 1
