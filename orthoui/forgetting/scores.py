"""What makes a channel belong to a class: scores from the class means of its peak response."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from orthoui.registry import Registry

Array = NDArray[np.float64]
Scorer = Callable[[Array, Sequence[int], Sequence[int], np.random.Generator], Array]
"""(class means (C, K), forgotten classes, retained classes, random numbers) → scores (K,), high = chosen."""

SCORES: Registry[Scorer] = Registry("score")
score = SCORES.add

SPREAD_FLOOR = 0.1
"""Added to the spread between retained classes, in the units of the activation, so that quiet channels stay quiet."""


@score("difference")
def difference(means: Array, forget: Sequence[int], retain: Sequence[int], _: np.random.Generator) -> Array:
    """Equations (11)–(13): Δ_k, the class-conditional mean of the spatial maximum, forgotten minus retained.

    The retained mean is balanced over classes. Signed: a channel less active for the class is never preferred.
    """
    return np.asarray(means[list(forget)].mean(0) - means[list(retain)].mean(0))


@score("margin")
def margin(means: Array, forget: Sequence[int], retain: Sequence[int], _: np.random.Generator) -> Array:
    """Forgotten mean minus the highest retained class: what no other class needs."""
    return np.asarray(means[list(forget)].mean(0) - means[list(retain)].max(0))


@score("standardised")
def standardised(means: Array, forget: Sequence[int], retain: Sequence[int], rng: np.random.Generator) -> Array:
    """Equation (13)'s difference over the standard deviation between the retained classes."""
    spread = means[list(retain)].std(0) + SPREAD_FLOOR
    return np.asarray(difference(means, forget, retain, rng) / spread)


@score("random")
def random(means: Array, _: Sequence[int], __: Sequence[int], rng: np.random.Generator) -> Array:
    """A null control: channels in random order, nothing looked at."""
    return np.asarray(rng.random(means.shape[1]))
