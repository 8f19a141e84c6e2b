"""What a work gets beside its request: a folder, progress, a log, and what people ask it to do."""

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from orthoui.errors import CancelledError, PausedError
from orthoui.jobs.speed import Speed
from orthoui.jobs.watch import Watch
from orthoui.ledger import Progress, Run

LOG_FILE = "log.txt"
LOG_BYTES = 200_000
PARTS = 1_000_000
"""Of the work, where its steps are not alike."""

logger = logging.getLogger(__name__)


class Context:
    """The work's side of one attempt. Every method is cheap enough to be called at every step."""

    def __init__(self, run: Run, folder: Path, watch: Watch) -> None:
        self.run = run
        self.folder = folder
        """Kept from one attempt to the next: checkpoints and the log."""
        self._watch = watch
        self._speed = Speed()

    def progress(
        self,
        step: int,
        steps: int,
        loss: float | None = None,
        message: str = "",
        metrics: dict[str, Any] | None = None,
        share: float | None = None,
    ) -> None:
        """Report ``step`` of ``steps``; the time left follows from the measured speed.

        ``share``: how much of the work is done, 0 … 1, where steps differ in work. Without steps (0 of 0) nothing is
        said of the time left: parts that are unlike say nothing about each other.
        ``message`` names the stage. ``metrics`` of an earlier report stay until others are given.
        """
        before = self._watch.progress
        done, all_of_it = (step, steps) if share is None else (round(PARTS * share), PARTS)
        self._watch.report(
            Progress(
                step=step,
                steps=steps,
                loss=loss,
                message=message,
                seconds_left=self._speed.seconds_left(done, all_of_it) if steps else None,
                metrics=metrics if metrics is not None else before.metrics if before else {},
                part=None if share is None else min(1.0, max(0.0, share)),
            )
        )

    def log(self, text: str) -> None:
        """Append to the run's log, every line with the time."""
        moment = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        lines = "".join(f"{moment}  {line}\n" for line in text.splitlines() or [""])
        try:
            with (self.folder / LOG_FILE).open("a", encoding="utf-8", errors="replace") as file:
                file.write(lines)
        except OSError as error:  # a full disk takes the log, not the work
            logger.warning("The log of run %s cannot be written: %s", self.run.id, error)

    def cancelled(self) -> bool:
        """Whether a person has cancelled the run. Raises ``SupersededError`` when another worker has it now."""
        return self._watch.action == "cancel"

    def paused(self) -> bool:
        """Whether a pause was asked for: write a checkpoint soon, then call ``checkpointed``."""
        return self._watch.action == "pause"

    def check(self) -> None:
        """Raise ``CancelledError`` when the run was cancelled, ``SupersededError`` when another worker has it."""
        if self.cancelled():
            raise CancelledError("The run was cancelled.")

    def checkpointed(self) -> None:
        """Call after a checkpoint was written: stops here, as ``check`` does or with ``PausedError``, if asked to."""
        self.check()
        if self.paused():
            raise PausedError("The run is paused at its last checkpoint.")


def read_log(run: Run) -> str:
    """Return the end of a run's log, at most 200 kB; empty when there is none on this machine."""
    if run.folder is None:
        return ""
    try:
        with (Path(run.folder) / LOG_FILE).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return text if size <= LOG_BYTES else text.partition("\n")[2]
