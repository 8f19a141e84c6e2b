import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from orthoui.errors import RequestError, UnknownNameError
from orthoui.evaluation.accuracy import Accuracies, Estimate, accuracies, confusion, destinations, wilson
from orthoui.evaluation.probabilities import entropy, masked_logits
from tests.evaluation.made import balanced_outputs, outputs


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 20_000))
    return draw(st.integers(0, n)), n


@given(counts())
def test_wilson_agrees_with_scipy(count: tuple[int, int]) -> None:
    correct, n = count
    estimate = wilson(correct, n)
    interval = scipy.stats.binomtest(correct, n).proportion_ci(method="wilson")
    assert estimate is not None
    assert estimate.value == pytest.approx(100 * correct / n)
    assert (estimate.low, estimate.high) == pytest.approx((100 * interval.low, 100 * interval.high), abs=1e-9)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 100
    assert estimate.n == n


def test_nothing_counted_is_not_measured() -> None:
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("correct", "n"), [(-1, 3), (4, 3), (1, 0), (0, -1)])
def test_impossible_counts_are_refused(correct: int, n: int) -> None:
    with pytest.raises(RequestError, match="is not a share"):
        wilson(correct, n)


def test_an_estimate_cannot_hold_what_is_not_a_number_and_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Estimate(value=float("nan"), low=0, high=1, n=1)
    estimate = Estimate(value=1, low=0, high=2, n=1)
    with pytest.raises(ValidationError, match="frozen"):
        estimate.value = 2.0  # type: ignore[misc]


@pytest.mark.parametrize("forget", [(), (0,), (2, 5)])
def test_accuracies_agree_with_scikit_learn(forget: tuple[int, ...]) -> None:
    logits, labels = outputs(700, 6, seed=1)
    predicted = logits.argmax(axis=1)
    result = accuracies(logits, labels, forget, "test")
    gone = np.isin(labels, forget)
    for estimate, mask in ((result.forget, gone), (result.retain, ~gone)):
        if not mask.any():
            assert estimate is None
            continue
        assert estimate is not None
        assert estimate.value == pytest.approx(100 * sklearn.metrics.accuracy_score(labels[mask], predicted[mask]))
        interval = scipy.stats.binomtest(int((labels == predicted)[mask].sum()), int(mask.sum()))
        wanted = interval.proportion_ci(method="wilson")
        assert (estimate.low, estimate.high) == pytest.approx((100 * wanted.low, 100 * wanted.high))
    recalls = sklearn.metrics.recall_score(labels, predicted, average=None)
    assert [each.value for each in result.per_class if each] == pytest.approx(list(100 * recalls))
    assert (result.n_forget, result.n_retain) == (gone.sum(), (~gone).sum())
    assert result.retain_entropy == pytest.approx(entropy(logits)[~gone].mean())
    assert (result.split, result.forget_classes) == ("test", forget)


@settings(max_examples=25)
@given(st.integers(0, 7), st.integers(0, 1000))
def test_on_balanced_images_retained_is_the_mean_of_the_other_classes(forget: int, seed: int) -> None:
    result = accuracies(*balanced_outputs(30, 8, seed=seed), [forget], "test")
    values = [each.value for each in result.per_class if each]
    assert result.retain is not None and result.forget is not None
    assert result.retain.value == pytest.approx(np.delete(values, forget).mean())
    assert result.forget == result.per_class[forget]


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_the_order_of_images_does_not_matter(random: object) -> None:
    logits, labels = outputs(200, 5)
    order = np.arange(200)
    random.shuffle(order)  # type: ignore[attr-defined]
    one, other = (accuracies(logits[o], labels[o], [3], "test").model_dump() for o in (np.arange(200), order))
    assert one.pop("forget_entropy") == pytest.approx(other.pop("forget_entropy"))
    assert one.pop("retain_entropy") == pytest.approx(other.pop("retain_entropy"))
    assert one["retain"].pop("value") == pytest.approx(other["retain"].pop("value"))
    assert one["per_class"] == other["per_class"]
    np.testing.assert_array_equal(confusion(logits, labels, 5), confusion(logits[order], labels[order], 5))


def test_all_outputs_compete_so_a_retained_image_can_be_lost_to_the_forgotten_class() -> None:
    logits = np.array([[5.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    result = accuracies(logits, np.array([1, 1]), [0], "test")
    assert result.retain is not None and result.retain.value == 50
    assert result.forget is None


def test_the_logit_mask_brings_forget_accuracy_to_zero_and_never_lowers_the_retained() -> None:
    logits, labels = outputs(600, 5, seed=4)
    before = accuracies(logits, labels, [2], "test")
    after = accuracies(masked_logits(logits, [2]), labels, [2], "test")
    assert before.forget and before.retain and after.forget and after.retain
    assert before.forget.value > 50
    assert (after.forget.value, after.forget.low) == (0, 0)
    assert after.forget.high > 0
    assert after.retain.value >= before.retain.value


def test_a_running_estimate_is_not_biased_by_which_classes_came_first() -> None:
    """Class accuracies 100, 50, 0 %; seen so far: many images of the easy class, few of the hard one."""
    labels = np.array([0] * 80 + [1] * 10 + [2] * 10)
    predicted = np.array([0] * 80 + [1] * 5 + [0] * 5 + [0] * 10)
    logits = np.eye(3)[predicted]
    sizes = np.array([100, 100, 100])
    pooled = accuracies(logits, labels, [], "test").retain
    weighted = accuracies(logits, labels, [], "test", class_sizes=sizes).retain
    assert pooled is not None and weighted is not None
    assert pooled.value == pytest.approx(85)
    assert weighted.value == pytest.approx(50)
    assert weighted.n == 100
    equally_weighted = wilson(50, 100)
    assert equally_weighted is not None
    assert weighted.low < equally_weighted.low - 1  # unequal weights cost precision
    assert weighted.high > equally_weighted.high + 1


def test_class_sizes_change_nothing_once_all_images_were_seen() -> None:
    logits, labels = outputs(400, 4, seed=2)
    whole = accuracies(logits, labels, [1], "test")
    sized = accuracies(logits, labels, [1], "test", class_sizes=np.bincount(labels, minlength=4))
    assert sized == whole
    assert whole.retain is not None
    hits = int((logits.argmax(axis=1) == labels)[labels != 1].sum())
    again = wilson(hits, whole.n_retain)
    assert again is not None
    assert (whole.retain.low, whole.retain.high) == pytest.approx((again.low, again.high))


def test_a_group_with_an_unseen_class_is_not_measured_yet() -> None:
    logits, labels = np.eye(3)[[0, 1]], np.array([0, 1])
    result = accuracies(logits, labels, [0], "test", class_sizes=np.array([5, 5, 5]))
    assert result.retain is None and result.retain_entropy is None
    assert result.forget is not None and result.per_class[2] is None
    absent = accuracies(logits, labels, [0], "test", class_sizes=np.array([5, 5, 0]))
    assert absent.retain is not None and absent.retain.value == 100


def test_class_sizes_must_fit() -> None:
    logits, labels = outputs(50, 3)
    for sizes in (np.array([100, 100]), np.array([1, 100, 100])):
        with pytest.raises(RequestError, match="one per class"):
            accuracies(logits, labels, [0], "test", class_sizes=sizes)


def test_without_images_nothing_is_measured() -> None:
    result = accuracies(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), [1], "test")
    assert result.per_class == (None, None, None)
    assert result.forget is None and result.retain is None
    assert result.forget_entropy is None and result.retain_entropy is None
    assert result.n_forget == result.n_retain == 0


def test_an_unknown_class_is_explained() -> None:
    with pytest.raises(UnknownNameError, match="There is no class “6”"):
        accuracies(*outputs(10, 6), [6], "test")


def test_accuracies_survive_json() -> None:
    result = accuracies(*outputs(100, 4), [1], "calibration")
    assert Accuracies.model_validate_json(result.model_dump_json()) == result


def test_confusion_agrees_with_scikit_learn_with_true_classes_as_rows() -> None:
    logits, labels = outputs(500, 6, seed=3, sharpness=0.5)
    expected = sklearn.metrics.confusion_matrix(labels, logits.argmax(axis=1), labels=range(6))
    np.testing.assert_array_equal(confusion(logits, labels, 6), expected)
    with pytest.raises(RequestError, match="6 outputs; these images have 5 classes"):
        confusion(logits, np.minimum(labels, 4), 5)


def test_small_label_types_do_not_overflow_the_cells_of_the_matrix() -> None:
    labels = np.arange(100).astype(np.uint8)
    np.testing.assert_array_equal(confusion(np.eye(100), labels, 100), np.eye(100))


def test_destinations_are_sorted_shares_of_the_true_class_with_ties_by_class() -> None:
    matrix = np.array([[0, 2, 6, 2], [9, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 4]])
    assert destinations(matrix, 0) == ((2, 0.6), (1, 0.2), (3, 0.2))
    assert destinations(matrix, 1) == ((0, 0.9), (1, 0.1))
    assert destinations(matrix, 2) == ()
    many_ties = np.tile(np.arange(100) % 2, (100, 1))
    assert [index for index, _ in destinations(many_ties, 5)] == list(range(1, 100, 2))
    with pytest.raises(UnknownNameError, match="There is no class “4”"):
        destinations(matrix, 4)
