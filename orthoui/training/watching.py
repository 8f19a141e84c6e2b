"""Watching a training: states kept in a file, reports passed on."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from orthoui.files import disk_full
from orthoui.training.loop import Training
from orthoui.training.reports import Step
from orthoui.training.state import Epoch, State, load_state, save_state

DIFFERS = "Its weights will not be those of an unbroken run: {}."
STATE_SECONDS = 300.0
"""Longest time between two kept states."""
RETRY_SECONDS = 60.0
"""Time until a state is written again that could not be: a full disk stays full for a while."""

log = logging.getLogger(__name__)


@dataclass
class StateFile:
    """A watcher that keeps states in a file, if it is given one, and passes reports on."""

    path: Path | None = None
    on_step: Callable[[Step], None] = lambda step: None
    on_epoch: Callable[[Epoch], None] = lambda epoch: None
    every: float = STATE_SECONDS
    unkept: str = ""
    """Why the last state could not be written; empty once one was. In words: an error would hold the whole state."""
    _kept: float = field(default_factory=time.monotonic)

    def resumed(self, history: tuple[Epoch, ...], differences: list[str]) -> None:
        """Told that a training goes on after ``history``, and what keeps it from being bit-identical."""
        log.info("The training goes on after epoch %d.", len(history))
        self.differs(differences)

    def differs(self, differences: list[str]) -> None:
        """Told what keeps a training that goes on from being bit-identical, if anything does."""
        for difference in differences:
            log.warning("The training goes on. %s", DIFFERS.format(difference))

    def step(self, step: Step) -> None:
        """Pass on."""
        self.on_step(step)

    def epoch(self, epoch: Epoch) -> None:
        """Pass on."""
        self.on_epoch(epoch)

    def wants_state(self, *, epoch_ended: bool) -> bool:
        """Whether the state should be kept now: at the end of an epoch, and every few minutes.

        One that could not be written is tried again after ``RETRY_SECONDS``, and not before.
        """
        since = time.monotonic() - self._kept
        if self.unkept:
            return since > RETRY_SECONDS
        return self.path is not None and (epoch_ended or since > self.every)

    def keep(self, state: State) -> bool:
        """Write the state and return whether it is kept: a full disk is told and costs only this one."""
        self._kept = time.monotonic()
        if self.path is None:
            return False
        try:
            save_state(self.path, state)
        except OSError as error:
            log.warning("The state of the training could not be kept (%s); the last good one stays.", error)
            self.unkept = "the disk is full" if disk_full(error) else error.strerror or str(error)
            return False
        self.unkept = ""
        return True


def run_from_kept(training: Training, watcher: StateFile) -> nn.Module:
    """Train to the end, from the watcher's kept state if there is one, and return the network.

    Every process reads the state itself: until all have done so, none can take a step that would replace it.
    Raises ``CheckpointError`` for the state of another training.
    """
    kept = None if watcher.path is None else load_state(watcher.path)
    if kept is not None:
        watcher.resumed(kept.numbers.history, training.resume(kept))
    return training.run(watcher)
