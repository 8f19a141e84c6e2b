"""Scores sorted into bins: every channel is counted once, on the side the plan puts it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthoui.evaluation.bins import BINS, binned_scores
from orthoui.forgetting.plan import LayerPlan, Plan
from orthoui.forgetting.request import ForgetRequest

REQUEST = ForgetRequest(classes=(0,))


def layer(scores: list[float], chosen: list[int], keep: float = 0.5) -> LayerPlan:
    values = np.array(scores, dtype=np.float64)
    cut = float(values[chosen].min()) if chosen else None
    return LayerPlan(np.array(chosen, dtype=np.int64), np.full(len(chosen), keep), values, cut)


def plan(**layers: LayerPlan) -> Plan:
    return Plan(REQUEST, layers)


@st.composite
def layers(draw: st.DrawFn) -> LayerPlan:
    scores = draw(st.lists(st.floats(-50, 50, allow_subnormal=False), min_size=1, max_size=40))
    ranked = np.argsort(-np.array(scores), kind="stable")
    return layer(scores, ranked[: draw(st.integers(0, len(scores)))].tolist(), draw(st.sampled_from([0.0, 0.5, 1.0])))


@given(first=layers(), second=layers())
def test_every_channel_is_counted_once_on_its_side(first: LayerPlan, second: LayerPlan) -> None:
    made = plan(one=first, two=second)
    binned = binned_scores(made)
    assert binned.edges.shape == (BINS + 1,)
    assert (np.diff(binned.edges) >= 0).all()
    assert binned.kept.sum() + binned.pruned.sum() == len(first.scores) + len(second.scores)
    assert binned.pruned.sum() == made.touched_channels


@given(part=layers())
def test_within_one_layer_all_pruned_scores_reach_the_cut(part: LayerPlan) -> None:
    binned = binned_scores(plan(one=part))
    assert binned.cut == part.cut
    if part.cut is not None:
        assert binned.pruned[binned.edges[1:] < part.cut].sum() == 0


def test_counts_are_those_of_the_scores() -> None:
    binned = binned_scores(plan(one=layer([0.0, 0.0, 1.0, 6.0], [3, 2])))
    assert (binned.edges[0], binned.edges[-1], binned.cut) == (0.0, 6.0, 1.0)
    assert binned.kept[0] == 2 and binned.kept.sum() == 2
    assert binned.pruned[10] == 1 and binned.pruned[-1] == 1 and binned.pruned.sum() == 2


def test_one_layer_can_be_looked_at_alone() -> None:
    made = plan(one=layer([0.0, 1.0], [1]), two=layer([5.0, 9.0, 7.0], [1]))
    binned = binned_scores(made, "two")
    assert (binned.edges[0], binned.edges[-1], binned.cut) == (5.0, 9.0, 9.0)
    assert (binned.kept.sum(), binned.pruned.sum()) == (2, 1)


def test_several_layers_have_no_common_cut() -> None:
    assert binned_scores(plan(one=layer([0.0, 1.0], [1]), two=layer([0.0, 1.0], [1]))).cut is None


@pytest.mark.parametrize("keep", [1.0, 0.99])
def test_a_channel_that_keeps_all_of_itself_is_not_pruned(keep: float) -> None:
    binned = binned_scores(plan(one=layer([0.0, 1.0], [1], keep)))
    assert binned.pruned.sum() == (keep != 1.0)


def test_equal_scores_still_make_bins() -> None:
    binned = binned_scores(plan(one=layer([2.0, 2.0, 2.0], [0])))
    assert (np.diff(binned.edges) > 0).all()
    assert (binned.kept.sum(), binned.pruned.sum()) == (2, 1)
