import numpy as np
import pytest

from orthoui.errors import RequestError, UnknownNameError
from orthoui.evaluation.arrays import checked_classes, checked_logits, checked_pair, forgotten_images


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_outputs_that_are_not_numbers_are_refused_with_their_count(bad: float) -> None:
    logits = np.zeros((5, 3))
    logits[1, 2] = logits[4, 0] = bad
    with pytest.raises(RequestError, match="2 of 5 images are not finite numbers"):
        checked_logits(logits)


def test_a_switched_off_output_is_fine_but_not_all_of_them() -> None:
    logits = np.zeros((2, 3))
    logits[:, 1] = -np.inf
    assert checked_logits(logits) is logits
    logits[0] = -np.inf
    with pytest.raises(RequestError, match="1 of 2 images"):
        checked_logits(logits)


@pytest.mark.parametrize("shape", [(4,), (4, 0), (4, 3, 2)])
def test_outputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(RequestError, match="shape"):
        checked_logits(np.zeros(shape))


def test_labels_must_fit_the_outputs() -> None:
    logits = np.zeros((3, 4))
    for labels in (np.array([0, 1]), np.array([0.0, 1.0, 2.0])):
        with pytest.raises(RequestError, match="one whole number each"):
            checked_pair(logits, labels)
    with pytest.raises(RequestError, match="a model with 4 outputs allows 0 to 3"):
        checked_pair(logits, np.array([0, 1, 4]))
    with pytest.raises(RequestError, match="Labels run from -1 to 3"):
        checked_pair(logits, np.array([0, -1, 3]))


def test_no_images_at_all_is_a_valid_input() -> None:
    logits, labels = checked_pair(np.zeros((0, 4)), np.zeros(0, dtype=np.int64))
    assert len(logits) == len(labels) == 0


def test_classes_come_back_sorted_once_each_and_known() -> None:
    assert checked_classes([3, 1, 3], 4) == (1, 3)
    with pytest.raises(UnknownNameError, match=r"There is no class “4”\. Choose one of: 0, 1, 2, 3"):
        checked_classes([4], 4)


def test_forgotten_images_are_those_of_the_forgotten_classes() -> None:
    assert forgotten_images(np.array([0, 2, 1, 2]), (2, 0)).tolist() == [True, True, False, True]
    assert not forgotten_images(np.array([0, 2]), ()).any()
