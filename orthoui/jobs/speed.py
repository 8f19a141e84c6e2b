"""How long the rest will take, from the speed measured lately."""

import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 30
"""Speed is that of the last so many seconds: a slow first step is soon forgotten."""

POINT_SECONDS = 0.1


class Speed:
    """Steps over time. A step that goes back, or another number of steps, begins a new stage."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._points: deque[tuple[float, int]] = deque()
        self._steps = 0

    def seconds_left(self, step: int, steps: int) -> float | None:
        """Note a step and return the seconds left; None as long as there is no speed to tell it from."""
        moment = self._clock()
        points = self._points
        if steps != self._steps or (points and step < points[-1][1]):
            points.clear()
            self._steps = steps
        if not points or moment - points[-1][0] >= POINT_SECONDS:
            points.append((moment, step))
        while len(points) > 2 and moment - points[1][0] >= WINDOW_SECONDS:
            points.popleft()
        since, first = points[0]
        if step <= first or moment <= since:
            return None
        return (steps - step) * (moment - since) / (step - first)
