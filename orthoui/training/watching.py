"""Watching a training: states kept in a file, reports passed on."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from orthoui.training.loop import Step
from orthoui.training.state import Epoch, State, save_state

STATE_SECONDS = 300.0
"""Longest time between two kept states."""

log = logging.getLogger(__name__)


@dataclass
class StateFile:
    """A watcher that keeps states in a file, if it is given one, and passes reports on."""

    path: Path | None = None
    on_step: Callable[[Step], None] = lambda step: None
    on_epoch: Callable[[Epoch], None] = lambda epoch: None
    every: float = STATE_SECONDS
    _kept: float = field(default_factory=time.monotonic)

    def step(self, step: Step) -> None:
        """Pass on."""
        self.on_step(step)

    def epoch(self, epoch: Epoch) -> None:
        """Pass on."""
        self.on_epoch(epoch)

    def wants_state(self, *, epoch_ended: bool) -> bool:
        """Whether the state should be kept now: at the end of an epoch, and every few minutes."""
        return self.path is not None and (epoch_ended or time.monotonic() - self._kept > self.every)

    def keep(self, state: State) -> None:
        """Write the state; a full disk is told and costs only this one."""
        if self.path is None:
            return
        self._kept = time.monotonic()
        try:
            save_state(self.path, state)
        except OSError as error:
            log.warning("The state of the training could not be kept (%s); the last good one stays.", error)
