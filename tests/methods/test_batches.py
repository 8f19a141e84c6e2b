"""Batches: every image once, none alone, and as many as are counted."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from orthoui.methods.optimise import steps_in
from orthoui.methods.work import with_none_alone


@given(count=st.integers(1, 60), size=st.integers(2, 20))
def test_a_last_single_image_joins_the_batch_before(count: int, size: int) -> None:
    parts = with_none_alone(torch.split(torch.arange(count), size))
    assert torch.cat(list(parts)).tolist() == list(range(count))
    assert len(parts) == steps_in(count, size)
    assert count == 1 or all(len(part) > 1 for part in parts)


def test_batches_of_one_stay_as_they_are() -> None:
    assert len(with_none_alone(torch.split(torch.arange(3), 1))) == steps_in(3, 1) == 3
