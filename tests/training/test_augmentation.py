"""What augmentation does to images: shifts, mirror images, small crops, blanked squares."""

from typing import Any

import pytest
import torch
from torch import Tensor

from orthoui.data import Dataset
from orthoui.data.preprocessing import prepare
from orthoui.training import loop
from orthoui.training.augmentation import augment, blanked
from orthoui.training.watching import StateFile
from tests.tiny import MEAN, STD
from tests.training.test_training import RECIPE, training

pytestmark = pytest.mark.usefixtures("float32")


def test_without_flip_and_crop_augmentation_is_the_identity() -> None:
    images = torch.rand(6, 3, 8, 8)
    still = RECIPE.model_copy(update={"flip": False, "crop_padding": 0})
    assert torch.equal(augment(images, still, torch.Generator().manual_seed(0)), images)


def test_flipping_alone_mirrors_about_half_of_the_images() -> None:
    images = torch.rand(200, 1, 5, 5)
    moved = augment(images, RECIPE.model_copy(update={"crop_padding": 0}), torch.Generator().manual_seed(0))
    same = (moved == images).flatten(1).all(1)
    mirrored = (moved == images.flip(3)).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 70 < int(mirrored.sum()) < 130


def test_alternating_flip_shows_every_image_both_ways_in_two_epochs(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: dict[tuple[int, int], bool] = {}
    augmented = loop.augment

    def spy(images: Tensor, *others: Any, mirrored: Tensor, **options: Any) -> Tensor:
        result = augmented(images, *others, mirrored=mirrored, **options)
        for stored, image, turned in zip(images, result, mirrored.tolist(), strict=True):
            assert torch.equal(image, stored.flip(2) if turned else stored)
            shown[spied._epoch, hash(stored.numpy().tobytes())] = turned
        return result

    monkeypatch.setattr(loop, "augment", spy)
    changes = {"epochs": 3, "batch_size": 30, "crop_padding": 0, "alternate": True}
    spied = training(data, RECIPE.model_copy(update=changes))
    spied.run(StateFile())
    images = {image for _, image in shown}
    first = [shown[0, image] for image in images]
    assert 0.3 < sum(first) / len(first) < 0.7
    assert first == [not shown[1, image] for image in images] == [shown[2, image] for image in images]


def test_cutout_blanks_one_square_inside_every_image_with_the_mean_colour(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    changes = {"batch_size": 120, "crop_padding": 0, "flip": False, "cutout": 6}
    spied = training(data, RECIPE.model_copy(update=changes))
    network = spied._running
    monkeypatch.setattr(spied, "_running", lambda inputs: (seen.append(inputs.clone()), network(inputs))[1])
    spied.run(StateFile())
    shown = seen[0]  # the training batch; calibration images follow
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
    whole = prepare(data["train"].images[order], mean=MEAN, std=STD, padding=data.padding)
    blank = (shown == 0).all(1)
    assert torch.equal(shown.permute(0, 2, 3, 1)[~blank], whole.permute(0, 2, 3, 1)[~blank])
    rows, columns = blank.any(2), blank.any(1)
    assert (rows.sum(1) == 6).all() and (columns.sum(1) == 6).all() and (blank.sum((1, 2)) == 36).all()
    assert len({tuple(row) for row in rows.tolist()}) > 3 and len({tuple(row) for row in columns.tolist()}) > 3
    assert torch.equal(seen[1], prepare(data["calibration"].images, mean=MEAN, std=STD, padding=data.padding))


def test_a_blanked_square_larger_than_the_image_is_all_of_it() -> None:
    assert blanked(3, 5, 4, 64, torch.Generator().manual_seed(0)).all()


def test_cropping_shifts_by_at_most_the_padding_and_repeats_the_border() -> None:
    rows = torch.arange(8.0).view(1, 1, 8, 1).expand(300, 1, 8, 8)
    recipe = RECIPE.model_copy(update={"flip": False, "crop_padding": 2})
    moved = augment(rows, recipe, torch.Generator().manual_seed(0))[:, 0, :, 0]
    shifts = moved[:, 4] - 4
    assert set(shifts.tolist()) == {-2, -1, 0, 1, 2}
    assert torch.equal(moved, (torch.arange(8) + shifts[:, None]).clamp(0, 7))


def test_a_small_crop_is_a_part_of_the_shifted_image() -> None:
    rows = torch.arange(8.0).view(1, 1, 8, 1).expand(300, 1, 8, 8)
    recipe = RECIPE.model_copy(update={"flip": False, "crop_padding": 1})
    cropped = augment(rows, recipe, torch.Generator().manual_seed(0), crop=5)
    assert cropped.shape == (300, 1, 5, 5)
    first = cropped[:, 0, 1, 0] - 1  # the first line itself may lie outside
    assert set(first.tolist()) == {-1, 0, 1, 2, 3, 4}
    assert torch.equal(cropped[:, 0, :, 0], (torch.arange(5) + first[:, None]).clamp(0, 7))
    assert augment(rows, recipe, torch.Generator().manual_seed(0), crop=64).shape == rows.shape
