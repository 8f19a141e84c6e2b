"""What two cards, or a card and images, have to do with each other, in words."""

from dataclasses import replace

from orthoui.models.kinship import UNKNOWN_TRAINING, image_notices, other_images
from tests.tiny import tiny_card, tiny_dataset


def test_nothing_is_said_of_the_images_of_the_training() -> None:
    assert other_images(tiny_card(), tiny_dataset()) == ""


def test_test_accuracies_are_only_said_to_hold_where_test_images_were_not_drawn_from_the_same_folder() -> None:
    card = tiny_card(images_digest="others")
    own, drawn = (other_images(card, replace(tiny_dataset(), test_drawn=drawn)) for drawn in (False, True))
    for said in (own, drawn):
        assert said.startswith("The training images of Tiny corners here are not the very ones that this model was")
        assert said.endswith("mix images that it has seen with some that it has not.")
    assert "Test accuracies hold all the same, unless images were moved from training to test." in own
    assert "hold" not in drawn
    assert "some of them may be images that it was trained on, and test accuracies then too high. Train it" in drawn


def test_of_an_imported_model_it_is_said_that_calibration_images_may_have_been_seen() -> None:
    assert image_notices(tiny_card(), tiny_dataset()) == ()
    assert image_notices(tiny_card(origin="imported"), tiny_dataset()) == (UNKNOWN_TRAINING,)
    assert "It may have seen the calibration images" in UNKNOWN_TRAINING


def test_a_model_imported_without_its_images_is_not_said_to_be_trained_on_others() -> None:
    assert other_images(tiny_card(origin="imported", images_digest=""), tiny_dataset()) == ""
