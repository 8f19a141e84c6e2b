"""A device that may be full: what gives way, in which order, and what is said."""

import pytest
import torch

from orthoui.errors import ResourceError
from orthoui.models.room import CPU, Room, out_of_memory

FULL = torch.OutOfMemoryError("made up")
ELSEWHERE = torch.device("meta")


def test_parts_cover_everything_once_when_all_fits() -> None:
    parts = list(Room(CPU, batch=4).over(10, lambda _, part: range(10)[part]))
    assert [list(part) for part in parts] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_batches_shrink_first_then_the_processor_takes_over_at_full_size() -> None:
    tried: list[tuple[str, int]] = []
    told: list[str] = []

    def step(device: torch.device, part: slice) -> int:
        tried.append((device.type, part.stop - part.start))
        if device != CPU:
            raise FULL
        return part.stop - part.start

    room = Room(ELSEWHERE, batch=64, smallest=16, report=told.append)
    assert list(room.over(100, step)) == [64, 36]
    assert tried == [("meta", 64), ("meta", 16), ("cpu", 64), ("cpu", 36)]
    assert (
        told
        == room.notices
        == [
            "The device ran out of memory; images are now computed 16 at a time.",
            "The device has too little free memory; the processor computes instead, more slowly.",
        ]
    )


def test_a_processor_that_is_full_is_an_error_in_words() -> None:
    def step(device: torch.device, batch: int) -> None:
        raise FULL

    with pytest.raises(ResourceError, match="not enough memory"):
        Room(CPU, batch=8).fit(step)


def test_the_processors_allocator_is_recognised_by_its_own_words() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert out_of_memory(caught.value)
    assert not out_of_memory(RuntimeError("shapes cannot be multiplied"))


def test_other_errors_pass_through() -> None:
    def step(device: torch.device, batch: int) -> None:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        Room(CPU).fit(step)
