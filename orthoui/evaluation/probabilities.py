"""From logits to probabilities and entropies, in float64, with switched-off outputs (−inf) allowed."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from orthoui.errors import RequestError
from orthoui.evaluation.arrays import Floats, Ints, checked_classes, checked_logits, checked_pair

SMALLEST_PROBABILITY = 1e-30
"""Floor of the logarithm's argument in the modified entropy, as in the published code."""


def softmax(logits: Floats) -> NDArray[np.float64]:
    """Return probabilities (N, C), float64, each row summing to 1; a logit of −inf has probability 0.

    Raises ``RequestError`` for outputs that are not numbers.
    """
    shifted = checked_logits(logits).astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def entropy(logits: Floats) -> NDArray[np.float64]:
    """Return the entropy −Σ p log p of every image, (N,), nats, 0 … ln C."""
    summed: NDArray[np.float64] = entr(softmax(logits)).sum(axis=1)
    return summed


def label_probability(logits: Floats, labels: Ints) -> NDArray[np.float64]:
    """Return the probability p_y that each image's true class gets, (N,), 0 … 1."""
    checked_pair(logits, labels)
    return softmax(logits)[np.arange(len(labels)), labels]


def modified_entropy(logits: Floats, labels: Ints) -> NDArray[np.float64]:
    """Return −(1 − p_y) log p_y − Σ_{i≠y} p_i log(1 − p_i) of every image, (N,), nats, ≥ 0.

    Song & Mittal, USENIX Security 2021 (arXiv 2003.10595), the argument of every logarithm floored at 1e-30.
    0 means certain and right; being certain and wrong gives a large value.
    """
    checked_pair(logits, labels)
    probabilities = softmax(logits)
    rows = np.arange(len(labels))
    own = probabilities[rows, labels]
    others = -probabilities * np.log(np.maximum(1.0 - probabilities, SMALLEST_PROBABILITY))
    others[rows, labels] = 0.0
    right = -(1.0 - own) * np.log(np.maximum(own, SMALLEST_PROBABILITY))
    summed: NDArray[np.float64] = right + others.sum(axis=1)
    return summed


def masked_logits(logits: Floats, forget_classes: Iterable[int]) -> Floats:
    """Return a copy of logits (N, C) with the forgotten classes' outputs at −inf: the logit-mask control.

    It makes the forget accuracy 0 and forgets nothing: the network is the same. For nothing but a control.
    Raises ``RequestError`` when no output would be left.
    """
    chosen = checked_classes(forget_classes, checked_logits(logits).shape[1])
    if len(chosen) == logits.shape[1]:
        raise RequestError("Every class would be switched off. Leave at least one class to retain.")
    masked = logits.copy()
    masked[:, list(chosen)] = -np.inf
    return masked
