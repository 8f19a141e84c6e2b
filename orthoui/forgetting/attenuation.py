"""How much of each chosen channel is taken away, by rank: equations (16) and (17) and two relatives.

Every rule returns α for ranks 1 … n, float64 (n,), non-increasing, in [0, 1]; the filter keeps 1 − α.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from orthoui.registry import Registry

Rule = Callable[[int, float], NDArray[np.float64]]
ATTENUATIONS: Registry[Rule] = Registry("attenuation")
attenuation = ATTENUATIONS.add

FLOOR_FRACTION = 0.5
"""Least share of the strength that the lowest-ranked channel still gets in the scaled form."""


@attenuation("floor")
def floor(count: int, strength: float) -> NDArray[np.float64]:
    """Equation (16): α_k = max(α_min, 1 − r_k/n) with α_min = strength and ranks r_k = 1 … n.

    Not the identity at strength 0: the top ranks are scaled all the same.

    >>> floor(4, 0.5).tolist()
    [0.75, 0.5, 0.5, 0.5]
    """
    ranks = np.arange(1, count + 1)
    return np.maximum(strength, 1 - ranks / max(count, 1))


@attenuation("scaled")
def scaled(count: int, strength: float) -> NDArray[np.float64]:
    """α_k = s · max(b, 1 − (r_k − 1)/n) with b = 1/2; the identity at strength 0.

    A reading of equations (16) and (17) for a slider that starts at “nothing changes”.
    """
    ranks = np.arange(1, count + 1)
    return strength * np.maximum(FLOOR_FRACTION, 1 - (ranks - 1) / max(count, 1))


@attenuation("uniform")
def uniform(count: int, strength: float) -> NDArray[np.float64]:
    """α_k = s for every chosen channel; strength 1 is hard pruning."""
    return np.full(count, strength, dtype=np.float64)
