from math import log

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from orthoui.errors import RequestError, UnknownNameError
from orthoui.evaluation.arrays import Floats
from orthoui.evaluation.probabilities import (
    entropy,
    label_probability,
    masked_logits,
    modified_entropy,
    softmax,
)
from tests.evaluation.made import logit_arrays, outputs

OFF = -np.inf


@given(logit_arrays)
def test_probabilities_and_entropy_agree_with_scipy(logits: Floats) -> None:
    expected = scipy.special.softmax(logits, axis=1)
    np.testing.assert_allclose(softmax(logits), expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(entropy(logits), scipy.stats.entropy(expected, axis=1), rtol=1e-9, atol=1e-12)


@given(logit_arrays, st.floats(-1e4, 1e4))
def test_a_common_shift_changes_nothing(logits: Floats, shift: float) -> None:
    np.testing.assert_allclose(softmax(logits + shift), softmax(logits), atol=1e-10)


def test_float32_outputs_are_worked_on_in_float64_and_left_alone() -> None:
    logits, _ = outputs(50, 6)
    before = logits.copy()
    probabilities = softmax(logits)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_array_equal(logits, before)


def test_huge_outputs_do_not_overflow() -> None:
    logits = np.array([[1e30, 0.0, -1e30], [3e4, 3e4, -3e4]])
    np.testing.assert_array_equal(softmax(logits), [[1, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_allclose(entropy(logits), [0, log(2)])


def test_entropy_is_largest_for_equal_outputs_and_zero_for_a_single_one() -> None:
    np.testing.assert_allclose(entropy(np.zeros((2, 7))), log(7))
    np.testing.assert_array_equal(entropy(np.array([[OFF, 2.0, OFF]])), [0.0])


def test_masked_outputs_have_probability_zero_and_the_rest_is_renormalised() -> None:
    logits, _ = outputs(40, 5)
    before = logits.copy()
    masked = masked_logits(logits, [1, 3])
    np.testing.assert_array_equal(logits, before)
    rest = [0, 2, 4]
    probabilities = softmax(masked)
    assert (probabilities[:, [1, 3]] == 0).all()
    np.testing.assert_allclose(probabilities[:, rest], softmax(logits[:, rest]), rtol=1e-12)
    np.testing.assert_allclose(entropy(masked), entropy(logits[:, rest]), rtol=1e-12)
    assert not np.isin(masked.argmax(axis=1), [1, 3]).any()


def test_masking_nothing_changes_nothing_and_masking_everything_is_refused() -> None:
    logits, _ = outputs(3, 4)
    np.testing.assert_array_equal(masked_logits(logits, []), logits)
    with pytest.raises(RequestError, match="Leave at least one class"):
        masked_logits(logits, range(4))
    with pytest.raises(UnknownNameError, match="There is no class “9”"):
        masked_logits(logits, [9])


def test_label_probability_reads_the_true_class_of_every_row() -> None:
    logits = np.log(np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]]))
    np.testing.assert_allclose(label_probability(logits, np.array([2, 0])), [0.3, 0.7])


def test_modified_entropy_by_hand() -> None:
    """Song & Mittal's formula written out for p = (0.2, 0.5, 0.3) and two labels."""
    logits = np.log(np.array([[0.2, 0.5, 0.3], [0.2, 0.5, 0.3]]))
    by_hand = [
        -0.5 * log(0.5) - 0.2 * log(0.8) - 0.3 * log(0.7),
        -0.8 * log(0.2) - 0.5 * log(0.5) - 0.3 * log(0.7),
    ]
    np.testing.assert_allclose(modified_entropy(logits, np.array([1, 0])), by_hand, rtol=1e-12)


def test_modified_entropy_of_certainty_is_zero_when_right_and_large_when_wrong() -> None:
    certain = np.array([[OFF, 0.0, OFF], [OFF, 0.0, OFF]])
    right, wrong = modified_entropy(certain, np.array([1, 2]))
    assert right == 0 and not np.signbit(right)
    assert wrong == pytest.approx(2 * 30 * log(10))  # both logarithms at their floor of 1e-30


@given(logit_arrays)
def test_modified_entropy_is_finite_never_negative_and_per_row(logits: Floats) -> None:
    labels = np.arange(len(logits)) % logits.shape[1]
    together = modified_entropy(logits, labels)
    assert np.isfinite(together).all() and (together >= 0).all()
    alone = [modified_entropy(logits[[row]], labels[[row]])[0] for row in range(len(logits))]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
