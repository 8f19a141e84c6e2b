"""How a model was trained, in a few words: what tells two of them apart."""

import pytest

from orthoui.training.told import trained_words
from tests.tiny import tiny_card


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({"orthogonality": 0.01, "recipe": {"epochs": 18, "penalty": "gram"}}, "18 epochs, λ 0.01"),
        ({"orthogonality": 0.001, "recipe": {"epochs": 1, "penalty": "srip"}}, "one epoch, λ 0.001, SRIP"),
        (
            {"orthogonality": 0.01, "recipe": {"epochs": 2, "ortho_layers": "no_stem"}},
            "2 epochs, λ 0.01, all but the first layer",
        ),
        ({"orthogonality": 0.0, "recipe": {"epochs": 2, "penalty": "srip"}}, "2 epochs, plain"),
        ({"orthogonality": 0.01}, "λ 0.01"),
        ({"origin": "imported", "orthogonality": 0.0}, ""),
    ],
)
def test_length_and_penalty_are_told(card: dict[str, object], words: str) -> None:
    assert trained_words(tiny_card(**card)) == words
