"""Train, calibration and test: drawn with a seed from what the data set has, the same way every time."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import torch

from orthoui.data.imageset import Split
from orthoui.data.layout import Placed
from orthoui.errors import DatasetError

SEED = 0
TEST_SHARE = 0.2
"""Of the images of a data set that has no test images of its own."""
CALIBRATION_SHARE = 0.04
LEAST_CALIBRATION, MOST_CALIBRATION = 5, 200
"""Images per class, but never more than a fifth of the training images."""
FEWEST = 10
"""Usable training images per class below which nothing can be learned or measured."""


@dataclass(frozen=True)
class Drawn:
    """The pictures of every split, class by class, in order of their paths."""

    classes: tuple[str, ...]
    splits: Mapping[Split, tuple[tuple[Placed, ...], ...]]
    test_drawn: bool
    """Whether the test images were drawn here because the data set had none of its own."""


def draw(placed: Sequence[Placed], title: str, seed: int = SEED) -> Drawn:
    """Draw the splits. Raises ``DatasetError`` when there are too few classes or images.

    Without test images of its own, a fifth of every class becomes the test split. Calibration images are then
    drawn from the training images, about 4 % of every class; they are not training images any more.
    """
    train = _by_class([picture for picture in placed if not picture.test])
    test = _by_class([picture for picture in placed if picture.test])
    drawing = all(picture.test is None for picture in placed)
    _check(title, train, None if drawing else test)
    generator = torch.Generator().manual_seed(seed)
    splits: dict[Split, list[tuple[Placed, ...]]] = {"train": [], "calibration": [], "test": []}
    classes = tuple(sorted(train))
    for label in classes:
        pictures = train[label]
        order = _by_name(pictures, seed) if drawing else torch.randperm(len(pictures), generator=generator).tolist()
        tested = round(TEST_SHARE * len(pictures)) if drawing else 0
        known = tested + calibration_count(len(pictures) - tested)
        splits["test"].append(_at(pictures, order[:tested]) if drawing else tuple(test[label]))
        splits["calibration"].append(_at(pictures, order[tested:known]))
        splits["train"].append(_at(pictures, order[known:]))
    return Drawn(classes, {name: tuple(parts) for name, parts in splits.items()}, drawing)


def _by_name(pictures: Sequence[Placed], seed: int) -> list[int]:
    """Order the pictures of a class by a hash of seed, class and name: others that come or go change nothing in it.

    Cut by rank and not by the hash itself, so that small classes get their share too: one image more or less then
    moves the ends of test and calibration by one image at most. Calibration lies between test and training, for an
    image that crosses into the test split should not be one that was trained on; only many new ones bring those.
    """

    def place(position: int) -> bytes:
        picture = pictures[position]
        name = f"{seed}/{picture.label}/{PurePosixPath(picture.path).name}"
        return hashlib.sha256(name.encode(errors="surrogateescape")).digest()

    return sorted(range(len(pictures)), key=place)


def calibration_count(training: int) -> int:
    """Return how many of a class's training images are set aside."""
    wanted = max(LEAST_CALIBRATION, round(CALIBRATION_SHARE * training))
    return min(wanted, MOST_CALIBRATION, training // 5)


def _by_class(placed: Sequence[Placed]) -> dict[str, list[Placed]]:
    found = defaultdict(list)
    for picture in sorted(placed, key=lambda picture: picture.path):
        found[picture.label].append(picture)
    return dict(found)


def _at(pictures: Sequence[Placed], positions: Sequence[int]) -> tuple[Placed, ...]:
    return tuple(pictures[position] for position in sorted(positions))


def _check(title: str, train: Mapping[str, Sequence[Placed]], test: Mapping[str, Sequence[Placed]] | None) -> None:
    if len(train) < 2:
        found = f"only the class {next(iter(train))}" if train else "no usable picture in a class folder"
        raise DatasetError(
            f"{title} holds {found}; at least two classes are needed. Put the pictures into one folder per class: "
            "train/CLASS/… and test/CLASS/…, or CLASS/… alone."
        )
    few = {label: len(pictures) for label, pictures in train.items() if len(pictures) < FEWEST}
    if few:
        raise DatasetError(
            f"{title} has too few usable training images of {_counted(few)}; every class needs at least {FEWEST}. "
            "Add images, or remove the class's folder."
        )
    unmatched = sorted(train.keys() ^ test.keys()) if test is not None else []
    if unmatched:
        raise DatasetError(
            f"{title} has classes that are only in train or only in test: {', '.join(unmatched[:5])}. "
            "Every class needs images in both."
        )


def _counted(few: Mapping[str, int]) -> str:
    shown = [f"{label} ({count})" for label, count in sorted(few.items())[:5]]
    return ", ".join(shown) + (f" and {len(few) - 5} more classes" if len(few) > 5 else "")
