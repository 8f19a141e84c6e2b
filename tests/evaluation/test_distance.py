from math import log

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from orthoui.errors import RequestError, UnknownNameError
from orthoui.evaluation.arrays import Floats
from orthoui.evaluation.distance import (
    ReferenceDistance,
    distance_to_reference,
    jensen_shannon,
    mean_distance,
)
from orthoui.evaluation.probabilities import masked_logits, softmax
from tests.evaluation.made import logit_arrays, outputs

OFF = -np.inf


@given(logit_arrays, st.integers(0, 2**20))
def test_divergence_is_the_square_of_scipys_distance_symmetric_and_bounded(logits: Floats, seed: int) -> None:
    other = np.random.default_rng(seed).normal(0, 5, logits.shape)
    ours = jensen_shannon(logits, other)
    expected = scipy.spatial.distance.jensenshannon(softmax(logits), softmax(other), axis=1) ** 2
    np.testing.assert_allclose(ours, expected, atol=1e-12)
    np.testing.assert_allclose(jensen_shannon(other, logits), ours, atol=1e-15)
    assert (ours >= 0).all() and (ours <= log(2)).all()


@given(logit_arrays)
def test_equal_outputs_are_at_distance_zero(logits: Floats) -> None:
    np.testing.assert_array_equal(jensen_shannon(logits, logits), 0)


def test_outputs_without_a_common_class_are_at_the_largest_distance() -> None:
    one, other = np.array([[0.0, OFF, OFF]]), np.array([[OFF, 1.0, 1.0]])
    np.testing.assert_allclose(jensen_shannon(one, other), log(2), rtol=1e-15)


def test_a_masked_network_has_a_finite_distance_to_its_reference() -> None:
    logits, labels = outputs(60, 4)
    result = distance_to_reference(masked_logits(logits, [1]), logits, labels, [1])
    assert result.forget is not None and result.retain is not None
    assert result.forget.mean > result.retain.mean > 0


def test_networks_with_other_outputs_cannot_be_compared() -> None:
    with pytest.raises(RequestError, match="same images and classes"):
        jensen_shannon(np.zeros((3, 4)), np.zeros((3, 5)))


def test_forgotten_and_retained_images_are_averaged_apart() -> None:
    logits, labels = outputs(300, 5, seed=1)
    reference, _ = outputs(300, 5, seed=2)
    result = distance_to_reference(logits, reference, labels, [0, 3])
    per_image, gone = jensen_shannon(logits, reference), np.isin(labels, [0, 3])
    assert result.forget is not None and result.retain is not None
    assert result.forget.mean == pytest.approx(per_image[gone].mean())
    assert result.retain.mean == pytest.approx(per_image[~gone].mean())
    assert (result.forget.n, result.retain.n) == (gone.sum(), (~gone).sum())


def test_what_has_no_images_is_not_measured() -> None:
    logits, labels = outputs(20, 3)
    assert distance_to_reference(logits, logits, labels, []).forget is None
    assert distance_to_reference(logits, logits, labels, [0, 1, 2]).retain is None
    assert mean_distance(np.zeros(0)) is None
    with pytest.raises(UnknownNameError, match="There is no class “3”"):
        distance_to_reference(logits, logits, labels, [3])


def test_the_same_network_twice_gives_zero_with_a_zero_interval() -> None:
    logits, labels = outputs(50, 3)
    result = distance_to_reference(logits, logits, labels, [1])
    assert result.forget is not None
    assert (result.forget.mean, result.forget.low, result.forget.high) == (0, 0, 0)


def test_one_image_leaves_the_whole_range_open() -> None:
    single = mean_distance(np.array([0.2]))
    assert single is not None
    assert (single.mean, single.low, single.high, single.n) == (0.2, 0, log(2), 1)


def test_the_interval_agrees_with_scipys_bootstrap() -> None:
    values = np.random.default_rng(5).beta(1, 4, 400) * log(2)
    ours = mean_distance(values, seed=1, resamples=4000)
    theirs = scipy.stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=2)
    assert ours is not None
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.06 * width)


def test_the_bootstrap_is_seeded_and_does_not_depend_on_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(6).random(500) * log(2)
    first, again, other = (mean_distance(values, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    # Even row counts keep the generator's 32-bit draws in pairs, so the stream stays the same.
    monkeypatch.setattr("orthoui.evaluation.distance.BLOCK", 10_000)
    assert mean_distance(values, seed=3) == first


@settings(max_examples=20)
@given(st.integers(2, 300), st.integers(0, 999))
def test_the_interval_stays_in_range_and_around_the_mean(n: int, seed: int) -> None:
    result = mean_distance(np.random.default_rng(seed).random(n) * log(2), seed=seed)
    assert result is not None
    assert 0 <= result.low <= result.mean <= result.high <= log(2)


def test_distances_survive_json() -> None:
    logits, labels = outputs(40, 3)
    result = distance_to_reference(logits, logits[::-1], labels, [1], seed=9)
    assert result.seed == 9
    assert ReferenceDistance.model_validate_json(result.model_dump_json()) == result
