"""How far a network's outputs are from those of a model retrained without the forgotten classes."""

from collections.abc import Iterable
from math import log

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import rel_entr

from orthoui.errors import RequestError
from orthoui.evaluation.arrays import Floats, Ints, checked_classes, checked_pair, forgotten_images
from orthoui.evaluation.probabilities import softmax

LARGEST = log(2)
"""Largest possible Jensen–Shannon divergence, nats: no class gets probability from both networks."""
BLOCK = 1 << 20
"""Numbers drawn at once while resampling: bounds the memory at about 16 MB."""


class Distance(BaseModel):
    """A mean Jensen–Shannon divergence with its 95 % bootstrap interval over images."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean: float = Field(ge=0, le=LARGEST, description="nats, 0 … ln 2")
    low: float = Field(ge=0, le=LARGEST, description="lower end of the 95 % interval, nats")
    high: float = Field(ge=0, le=LARGEST, description="upper end of the 95 % interval, nats")
    n: int = Field(ge=1, description="images")


class ReferenceDistance(BaseModel):
    """Distances on the forgotten and on the retained classes' images; None where there are none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forget: Distance | None
    retain: Distance | None
    seed: int = Field(description="seed of the bootstrap")


def jensen_shannon(p_logits: Floats, q_logits: Floats) -> NDArray[np.float64]:
    """Return ½ KL(p‖m) + ½ KL(q‖m), m = (p + q)/2, of every image, (N,), nats, 0 … ln 2.

    Both logits are (N, C), for the same images in the same order. Symmetric; 0 exactly where p = q.
    Raises ``RequestError`` when the shapes differ.
    """
    if p_logits.shape != q_logits.shape:
        raise RequestError(
            "Two networks are compared on the same images and classes; "
            f"got outputs of shape {p_logits.shape} and {q_logits.shape}."
        )
    p, q = softmax(p_logits), softmax(q_logits)
    middle = (p + q) / 2
    per_image: NDArray[np.float64] = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / 2
    return np.clip(per_image, 0.0, LARGEST)  # rounding leaves the bounds by an ulp


def mean_distance(per_image: NDArray[np.float64], *, seed: int = 0, resamples: int = 1000) -> Distance | None:
    """Return the mean of per-image divergences (N,) with a seeded percentile-bootstrap interval (95 %).

    None without images. One image says nothing about the spread: its interval is the whole range.
    """
    n = len(per_image)
    if n == 0:
        return None
    mean = float(np.clip(per_image.mean(), 0.0, LARGEST))
    if n == 1:
        return Distance(mean=mean, low=0.0, high=LARGEST, n=1)
    means = _resampled_means(per_image, np.random.default_rng(seed), resamples)
    low, high = np.clip(np.quantile(means, [0.025, 0.975]), 0.0, LARGEST)
    return Distance(mean=mean, low=float(low), high=float(high), n=n)


def _resampled_means(
    values: NDArray[np.float64], generator: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    """Means of ``resamples`` samples of the same size drawn with replacement, (resamples,)."""
    n = len(values)
    rows = max(1, BLOCK // n)
    means = []
    for start in range(0, resamples, rows):
        shape = (min(rows, resamples - start), n)
        means.append(values[generator.integers(0, n, size=shape, dtype=np.uint32)].mean(axis=1))
    return np.concatenate(means)


def distance_to_reference(
    logits: Floats,
    reference_logits: Floats,
    labels: Ints,
    forget_classes: Iterable[int],
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> ReferenceDistance:
    """Return the Jensen–Shannon divergence to a retrained reference on forgotten and on retained images.

    All logits (N, C) are of the same images, labels (N,). With two differently seeded references in place of
    network and reference the result is the floor: the distance that chance alone makes. A network is only far
    from its reference where it is further than that. The interval covers the choice of images, not the seed
    of training. Raises ``RequestError`` or ``UnknownNameError`` for input that does not fit together.
    """
    checked_pair(logits, labels)
    per_image = jensen_shannon(logits, reference_logits)
    forgotten = forgotten_images(labels, checked_classes(forget_classes, logits.shape[1]))
    return ReferenceDistance(
        forget=mean_distance(per_image[forgotten], seed=seed, resamples=resamples),
        retain=mean_distance(per_image[~forgotten], seed=seed, resamples=resamples),
        seed=seed,
    )
