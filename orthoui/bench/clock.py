"""Stopwatches: one thing many times, or two things taking turns so that a busy machine slows both alike."""

import time
from collections.abc import Callable, Sequence

import psutil
import torch

from orthoui.models.device import synchronise

Work = Callable[[], object]

SHORTEST_LIMIT = 0.1


def seconds_of(work: Work, device: torch.device) -> float:
    """Return how long one call takes, in seconds, the device's own work included."""
    synchronise(device)
    started = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - started


def repeated(work: Sequence[Work], device: torch.device) -> list[float]:
    """Return the seconds of every call, in order; the first is called once more before, to warm up."""
    work[0]()
    return [seconds_of(call, device) for call in work]


def alternating(one: Work, other: Work, device: torch.device, repeats: int) -> tuple[list[float], list[float]]:
    """Return the seconds of both, called in turn ``repeats`` times after one warm-up each."""
    one()
    other()
    pairs = [(seconds_of(one, device), seconds_of(other, device)) for _ in range(repeats)]
    return [first for first, _ in pairs], [second for _, second in pairs]


class Budget:
    """The time a whole benchmark may take, counted from the start of the process; None is without end."""

    def __init__(self, seconds: float | None) -> None:
        self._started: float = psutil.Process().create_time()
        self._seconds = seconds

    @property
    def spent(self) -> float:
        """Seconds since the process was started, imports included."""
        return time.time() - self._started

    @property
    def left(self) -> float:
        """Seconds that are left; infinite without a limit."""
        return float("inf") if self._seconds is None else self._seconds - self.spent

    def within(self, seconds: float) -> float:
        """Return a time limit: ``seconds``, or what is left when that is less; never 0, which stands for no limit."""
        return min(seconds, max(self.left, SHORTEST_LIMIT))
