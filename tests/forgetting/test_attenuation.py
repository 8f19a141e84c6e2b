"""Attenuation by rank: the tables that tell the readings of equations (16) and (17) apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthoui.forgetting.attenuation import ATTENUATIONS, floor, scaled, uniform

counts = st.integers(0, 300)
strengths = st.floats(0, 1)


@pytest.mark.parametrize(
    ("count", "strength", "expected"),
    [
        (4, 0.5, [0.75, 0.5, 0.5, 0.5]),
        (2, 0.5, [0.5, 0.5]),
        (4, 0.0, [0.75, 0.5, 0.25, 0.0]),
        (5, 0.4, [0.8, 0.6, 0.4, 0.4, 0.4]),
        (3, 1.0, [1.0, 1.0, 1.0]),
        (1, 0.4, [0.4]),
    ],
)
def test_floor(count: int, strength: float, expected: list[float]) -> None:
    np.testing.assert_allclose(floor(count, strength), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("count", "strength", "expected"),
    [
        (4, 1.0, [1.0, 0.75, 0.5, 0.5]),
        (4, 0.4, [0.4, 0.3, 0.2, 0.2]),
        (2, 0.5, [0.5, 0.25]),
        (3, 0.0, [0.0, 0.0, 0.0]),
    ],
)
def test_scaled(count: int, strength: float, expected: list[float]) -> None:
    np.testing.assert_allclose(scaled(count, strength), expected, rtol=0, atol=1e-12)


def test_uniform_takes_the_same_from_every_channel() -> None:
    assert uniform(3, 0.7).tolist() == [0.7, 0.7, 0.7]


@pytest.mark.parametrize("name", list(ATTENUATIONS))
@given(count=counts, strength=strengths)
def test_attenuation_never_rises_with_rank_and_lies_between_0_and_1(name: str, count: int, strength: float) -> None:
    alpha = ATTENUATIONS[name](count, strength)
    assert alpha.shape == (count,)
    assert ((alpha >= 0) & (alpha <= 1)).all()
    assert (np.diff(alpha) <= 0).all()


@given(counts.filter(bool), strengths)
def test_floor_takes_at_least_the_strength_and_never_all_below_strength_1(count: int, strength: float) -> None:
    alpha = floor(count, strength)
    assert alpha.min() == strength or count == 1
    assert alpha.max() == max(strength, 1 - 1 / count)
