"""Wrong labels, seeded."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from orthoui.methods.relabel import any_labels, other_labels, relabelled


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(seed=st.integers(0, 99), forget=st.sets(st.integers(0, 5), min_size=1, max_size=5))
def test_only_forgotten_labels_change_and_none_stays_forgotten(seed: int, forget: set[int]) -> None:
    labels = torch.arange(60) % 6
    changed = relabelled(labels, 6, sorted(forget), seeded(seed))
    of_class = torch.isin(labels, torch.tensor(sorted(forget)))
    assert torch.equal(changed[~of_class], labels[~of_class])
    assert not torch.isin(changed[of_class], torch.tensor(sorted(forget))).any()
    assert torch.equal(changed, relabelled(labels, 6, sorted(forget), seeded(seed)))


def test_draws_are_even_over_the_other_classes() -> None:
    counts = torch.bincount(other_labels(30_000, 5, (2,), seeded(0)), minlength=5)
    assert counts[2] == 0
    assert ((counts[[0, 1, 3, 4]] - 7500).abs() < 300).all()
    everyone = torch.bincount(any_labels(30_000, 5, seeded(0)), minlength=5)
    assert ((everyone - 6000).abs() < 300).all()
