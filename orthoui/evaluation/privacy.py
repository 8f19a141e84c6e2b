"""Membership inference of a network on the shipped splits: which images the attacks are given."""

from collections.abc import Generator, Iterator

import torch
from torch import Tensor

from orthoui.data import Dataset, ImageSet, balanced_positions
from orthoui.evaluation.membership import Scored, convention_a, convention_b
from orthoui.evaluation.outcome import Membership
from orthoui.evaluation.predictions import Predictor
from orthoui.evaluation.probabilities import masked_logits
from orthoui.forgetting.request import ForgetRequest

POOL_PER_CLASS = 100
"""Retained images per class, from each side, that the attacker's subsets are drawn from."""
FORGET_PER_CLASS = 500
"""Forgotten images per class that are judged, from each side."""


Sides = dict[tuple[str, str], Scored]
"""What a network answers to the images of an attack, by group (forget, retain) and split (train, test)."""


def membership_of(predictor: Predictor, data: Dataset, request: ForgetRequest) -> Iterator[Membership | None]:
    """Run both conventions on one network.

    Yields None after each part of the work and each chunk of images, where a caller may stop, and the result at the
    end.
    """
    sides: Sides = {}
    for found in sides_of(predictor, data, request):
        sides = found or sides
        yield None
    yield from membership_from(sides, request)


def sides_of(predictor: Predictor, data: Dataset, request: ForgetRequest) -> Iterator[Sides | None]:
    """Score the images of the attacks; members come from the training split, non-members from the test split.

    The images are a seeded draw, so that all networks of a comparison are attacked with the same ones. Yields None
    after each part and each chunk of images, and the scores at the end.
    """
    sides: Sides = {}
    for split in ("train", "test"):
        images = data[split]
        forgotten = torch.isin(images.labels, torch.tensor(request.classes))
        for name, mask, per_class in (
            ("forget", forgotten, FORGET_PER_CLASS),
            ("retain", ~forgotten, POOL_PER_CLASS),
        ):
            positions = torch.nonzero(mask).flatten()
            drawn = positions[balanced_positions(images.labels[positions], per_class, request.seed)]
            sides[name, split] = yield from _scored(predictor, images, drawn)
            yield None
    yield sides


def masked_sides(sides: Sides, request: ForgetRequest) -> Sides:
    """Return the scores of the same network with the forgotten classes' outputs switched off."""
    return {name: Scored(masked_logits(one.logits, request.classes), one.labels) for name, one in sides.items()}


def membership_from(sides: Sides, request: ForgetRequest) -> Iterator[Membership | None]:
    """Run both conventions on scores. Yields None between them, and the result at the end."""
    a = convention_a(sides["retain", "train"], sides["retain", "test"], sides["forget", "train"], seed=request.seed)
    yield None
    b = convention_b(sides["forget", "train"], sides["forget", "test"], seed=request.seed)
    yield Membership(a, b)


def _scored(predictor: Predictor, images: ImageSet, positions: Tensor) -> Generator[None, None, Scored]:
    known = predictor.known(images)  # the split that was just evaluated need not run again
    chosen = images.subset(positions)
    if known is not None:
        return Scored(known[positions.numpy()], chosen.labels.numpy())
    for last in predictor.stream(chosen, torch.arange(len(chosen))):
        if not last.complete:
            yield None
    return Scored(last.logits, chosen.labels.numpy())
