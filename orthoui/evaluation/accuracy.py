"""Accuracies with their intervals, and where the images of a class go."""

from collections.abc import Iterable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from orthoui.errors import RequestError
from orthoui.evaluation.arrays import (
    Bools,
    Floats,
    Ints,
    checked_classes,
    checked_pair,
    forgotten_images,
)
from orthoui.evaluation.probabilities import entropy

NORMAL_95 = NormalDist().inv_cdf(0.975)


class Estimate(BaseModel):
    """A share in percent with its 95 % interval and the number of images it was counted on."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float = Field(ge=0, le=100, description="percent")
    low: float = Field(ge=0, le=100, description="lower end of the 95 % interval, percent")
    high: float = Field(ge=0, le=100, description="upper end of the 95 % interval, percent")
    n: int = Field(ge=1, description="images counted")


class Accuracies(BaseModel):
    """Accuracies of one network on one split; what was not measured is None, never 0.

    The largest of all C outputs decides, the forgotten ones included; the first one of equals.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    split: str
    forget_classes: tuple[int, ...]
    per_class: tuple[Estimate | None, ...]
    forget: Estimate | None = Field(description="A_u: images of the forgotten classes")
    retain: Estimate | None = Field(description="A_r: images of all other classes")
    n_forget: int = Field(ge=0)
    n_retain: int = Field(ge=0)
    forget_entropy: float | None = Field(description="mean entropy on the forgotten classes' images, nats")
    retain_entropy: float | None = Field(description="mean entropy on the retained classes' images, nats")


def wilson(correct: int, n: int) -> Estimate | None:
    """Return the share ``correct`` of ``n`` in percent with its 95 % Wilson interval; None when ``n`` is 0.

    Wilson, J. Am. Stat. Assoc. 22 (1927). Raises ``RequestError`` unless 0 ≤ ``correct`` ≤ ``n``.
    """
    if not 0 <= correct <= n:
        raise RequestError(f"{correct} of {n} is not a share: the count must lie between 0 and {max(n, 0)}.")
    return _wilson(correct / n, n, n) if n else None


def _wilson(share: float, size: float, n: int) -> Estimate:
    """Wilson interval of a share 0 … 1 whose precision is that of ``size`` equally weighted images."""
    share = min(max(share, 0.0), 1.0)
    stretch = NORMAL_95**2 / size
    centre = (share + stretch / 2) / (1 + stretch)
    half = NORMAL_95 * (share * (1 - share) / size + stretch / (4 * size)) ** 0.5 / (1 + stretch)
    low = min(max(centre - half, 0.0), share)  # rounding can push an end past the share at 0 and 1
    high = max(min(centre + half, 1.0), share)
    return Estimate(value=100 * share, low=100 * low, high=100 * high, n=n)


def accuracies(
    logits: Floats,
    labels: Ints,
    forget_classes: Iterable[int],
    split: str,
    *,
    class_sizes: Ints | None = None,
) -> Accuracies:
    """Return the accuracies and mean entropies of logits (N, C) with labels (N,).

    Works on part of a split too (a running estimate). Within each class the images seen must then be a
    random part of that class. ``class_sizes`` (C,) is the number of images per class in the complete split:
    every class then counts by its size there and not by how many of its images were seen so far, so no order
    of images biases A_r; a group of which some class was not seen at all is None. Without ``class_sizes``
    every image counts the same: the retained classes must have been seen in the split's proportions.
    Raises ``RequestError`` or ``UnknownNameError`` for input that does not fit together.
    """
    checked_pair(logits, labels)
    classes = logits.shape[1]
    chosen = checked_classes(forget_classes, classes)
    seen = np.bincount(labels, minlength=classes)
    hits = np.bincount(labels[logits.argmax(axis=1) == labels], minlength=classes)
    entropies = np.bincount(labels, weights=entropy(logits), minlength=classes).astype(np.float64)
    sizes = _checked_sizes(class_sizes, seen)
    forgotten = forgotten_images(np.arange(classes), chosen)
    forget, forget_entropy = _group(forgotten, seen, hits, entropies, sizes)
    retain, retain_entropy = _group(~forgotten, seen, hits, entropies, sizes)
    return Accuracies(
        split=split,
        forget_classes=chosen,
        per_class=tuple(wilson(int(hit), int(n)) for hit, n in zip(hits, seen, strict=True)),
        forget=forget,
        retain=retain,
        n_forget=int(seen[forgotten].sum()),
        n_retain=int(seen[~forgotten].sum()),
        forget_entropy=forget_entropy,
        retain_entropy=retain_entropy,
    )


def _checked_sizes(class_sizes: Ints | None, seen: Ints) -> Ints:
    if class_sizes is None:
        return seen
    if class_sizes.shape != seen.shape or (class_sizes < seen).any():
        raise RequestError(
            "The numbers of images per class must be one per class, none smaller than the images seen of it."
        )
    return class_sizes


def _group(
    members: Bools, seen: Ints, hits: Ints, entropies: NDArray[np.float64], sizes: Ints
) -> tuple[Estimate | None, float | None]:
    """Accuracy and mean entropy over a group of classes, each weighted by its size in the complete split."""
    present = members & (sizes > 0)
    if not present.any() or not seen[present].all():
        return None, None
    counts = seen[present]
    weights = sizes[present] / sizes[present].sum()
    # Kish's effective size: unequal weights make n images worth fewer; equal weights give n itself.
    effective = 1 / float((weights**2 / counts).sum())
    share = float((weights * hits[present] / counts).sum())
    mean_entropy = float((weights * entropies[present] / counts).sum())
    return _wilson(share, effective, int(counts.sum())), mean_entropy


def confusion(logits: Floats, labels: Ints, classes: int) -> NDArray[np.int64]:
    """Return the counts (C, C) of images by true class (row) and predicted class (column).

    Raises ``RequestError`` when the logits do not have ``classes`` outputs.
    """
    checked_pair(logits, labels)
    if logits.shape[1] != classes:
        raise RequestError(f"The model has {logits.shape[1]} outputs; these images have {classes} classes.")
    cells = labels.astype(np.int64) * classes + logits.argmax(axis=1)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def destinations(confusion: Ints, forget_class: int) -> tuple[tuple[int, float], ...]:
    """Return where the images of one class go: (class, share 0 … 1), largest share first, ties by class.

    Classes that receive nothing are left out; the class itself is in the list while some images stay.
    The shares sum to 1; without images of that class the list is empty.
    """
    (row,) = checked_classes([forget_class], len(confusion))
    counts = confusion[row]
    order = np.argsort(-counts, kind="stable")
    return tuple((int(index), float(counts[index] / counts.sum())) for index in order if counts[index] > 0)
