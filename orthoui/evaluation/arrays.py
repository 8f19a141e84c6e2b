"""What the arithmetic of evaluation accepts: arrays of logits and labels, checked once at the door."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orthoui.errors import RequestError, UnknownNameError

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


def checked_logits(logits: Floats) -> Floats:
    """Return logits (N, C), C ≥ 1, as they are; −inf marks an output that is switched off.

    Raises ``RequestError`` for another shape, for not-a-number or +inf, and for a row of −inf only.
    """
    if logits.ndim != 2 or logits.shape[1] < 1:
        raise RequestError(f"Outputs must have the shape (images, classes), not {logits.shape}.")
    highest = logits.max(axis=1)  # not-a-number wins every maximum, so one look per image is enough
    broken = int((~np.isfinite(highest)).sum())
    if broken:
        raise RequestError(
            f"The outputs of {broken} of {len(logits)} images are not finite numbers. "
            "Choose milder settings, or check the model's weights."
        )
    return logits


def checked_pair(logits: Floats, labels: Ints) -> tuple[Floats, Ints]:
    """Return logits (N, C) and their labels (N,) in 0 … C − 1 as they are.

    Raises ``RequestError`` when they do not belong together.
    """
    checked_logits(logits)
    if labels.shape != (len(logits),) or not np.issubdtype(labels.dtype, np.integer):
        raise RequestError(
            f"{len(logits)} images need one whole number each as label; "
            f"got labels of shape {labels.shape} and type {labels.dtype}."
        )
    classes = logits.shape[1]
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise RequestError(
            f"Labels run from {labels.min()} to {labels.max()}; "
            f"a model with {classes} outputs allows 0 to {classes - 1}."
        )
    return logits, labels


def checked_classes(forget_classes: Iterable[int], classes: int) -> tuple[int, ...]:
    """Return the forgotten classes sorted and without repetition.

    Raises ``UnknownNameError`` for a number outside 0 … ``classes`` − 1.
    """
    chosen = tuple(sorted({int(number) for number in forget_classes}))
    for number in chosen:
        if not 0 <= number < classes:
            raise UnknownNameError("class", number, range(classes))
    return chosen


def forgotten_images(labels: Ints, forget_classes: Iterable[int]) -> Bools:
    """Return for every label (N,) whether it is one of the forgotten classes."""
    return np.isin(labels, np.asarray(tuple(forget_classes), dtype=np.int64))
