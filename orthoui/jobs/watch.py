"""A thread beside the work: it shows that the worker is alive, stores progress, and hears what people ask for."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from orthoui.errors import LedgerError, OrthoError, SupersededError
from orthoui.ledger import Action, Attempt, Progress

LOOK_SECONDS = 0.3
STORE_SECONDS = 0.5
"""Progress is stored at most this often."""

BEAT_SECONDS = 2.0
"""A sign of life is stored at least this often."""

GRACE_SECONDS = 1.0
"""Time that work has to stop by itself after a cancel was heard; then its process ends, where that is allowed."""

log = logging.getLogger(__name__)


class Watch:
    """Watches one attempt while its work runs. The work itself never waits for the database.

    ``leave`` ends this process; None where other things live in it, then a work that never looks runs to its end.
    """

    def __init__(
        self, attempt: Attempt, *, leave: Callable[[], None] | None, show: Callable[[Progress], None] | None
    ) -> None:
        self._attempt = attempt
        self._leave = leave
        self._show = show
        self._action: Action = attempt.run.requested
        self._superseded: SupersededError | None = None
        self._stop_by: float | None = None
        self._newest: Progress | None = None
        self._stored: Progress | None = None
        self._written = time.monotonic()
        self._absent = False
        self._closed = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch-{attempt.run.id}", daemon=True)

    @property
    def action(self) -> Action:
        """What was asked for. Raises ``SupersededError`` when the run was given to another worker."""
        if self._superseded is not None:
            raise self._superseded
        return self._action

    @property
    def progress(self) -> Progress | None:
        """The progress reported last."""
        return self._newest

    def report(self, progress: Progress) -> None:
        """Take the newest progress; the first one is stored at once."""
        first, self._newest = self._newest is None, progress
        if self._show is not None:
            self._show(progress)
        if first:
            self._wake.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._wake.set()
        self._thread.join()
        if self._newest is not self._stored:
            with suppress(LedgerError, SupersededError):
                self._attempt.beat(self._newest)

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            if self._closed:
                return
            try:
                self._look()
            except SupersededError as error:
                self._superseded = error
            except LedgerError as error:
                self._note_absence(error)
            else:
                self._absent = False
            self._leave_if_overdue()

    def _note_absence(self, error: LedgerError) -> None:
        if not self._absent:
            log.warning("The work goes on without the ledger: %s", error)
        self._absent = True

    def _look(self) -> None:
        moment, newest = time.monotonic(), self._newest
        first = self._stored is None
        fresh = newest is not self._stored and (first or moment - self._written >= STORE_SECONDS)
        if not fresh and moment - self._written < BEAT_SECONDS:
            self._action = self._attempt.requested()
            return
        self._action = self._attempt.beat(newest if fresh else None)
        self._written = moment
        if fresh:
            self._stored = newest

    def _leave_if_overdue(self) -> None:
        if self._leave is None or (self._superseded is None and self._action != "cancel"):
            self._stop_by = None
            return
        moment = time.monotonic()
        self._stop_by = self._stop_by or moment + GRACE_SECONDS
        if moment >= self._stop_by:
            with suppress(OrthoError):
                self._attempt.cancel()
            self._leave()
