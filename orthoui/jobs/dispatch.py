"""The thread of a server that makes the workers follow the ledger: hand out, look after, take over."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from orthoui.errors import OrthoError, RequestError, SchedulerError
from orthoui.jobs.lost import abandoned, worker_lost
from orthoui.jobs.pool import Pool
from orthoui.ledger import ACTIVE, Ledger, Run, RunFilter

if TYPE_CHECKING:
    from distributed import Future

LOOK_SECONDS = 0.05
BUSY_SECONDS = 1.0
IDLE_SECONDS = 3.0
KEEP_SECONDS = 5.0
STOP_SECONDS = 30.0

log = logging.getLogger(__name__)


class Dispatcher:
    """Looks after the runs of one server until it is closed. ``wake`` makes it look at once.

    At most as many runs are with Dask as there are workers; the others wait in the ledger, oldest first, where they
    can be cancelled, survive a scheduler, and are not blamed for a worker that was killed under another run.
    """

    def __init__(self, ledger: Ledger, server: str, connect: Callable[[], Pool]) -> None:
        self._ledger = ledger
        self._server = server
        self._connect = connect
        self._pool: Pool | None = None
        self._sent: dict[str, tuple[int, Future]] = {}
        self._kept = 0.0
        self._closed = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._adopting = threading.Lock()
        self.problem: str | None = None
        """Why queued jobs do not start, in words; None when all is well."""

    def start(self) -> None:
        """Begin to look after runs."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the ledger now."""
        self._wake.set()

    def close(self) -> None:
        """Stop. What local workers were doing is marked as interrupted; a cluster's workers go on."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        pool.close()
        if pool.local:
            with suppress(OrthoError):
                for run in self._mine():
                    if run.state == "running":
                        self._ledger.queue.adopt(run, self._server)

    def take_over(self) -> list[Run]:
        """Take over runs that lost their server; return them as they were."""
        with self._adopting:
            active = self._ledger.find(RunFilter(state=ACTIVE))
            lost = [run for run in active if run.server != self._server and not run.ended and abandoned(run)]
            return [run for run in lost if self._ledger.queue.adopt(run, self._server if run.server else None)]

    def _run(self) -> None:
        while not self._closed:
            try:
                busy = self._step()
            except OrthoError as error:
                self._rest_because(str(error))
            except Exception:  # the thread must outlive whatever Dask raises; the next step begins anew
                log.exception("Handing out jobs failed; trying again.")
                self._rest_because("Jobs cannot be handed out at the moment; the server's log tells why.")
            else:
                self.problem = None
                self._rest(BUSY_SECONDS if busy else IDLE_SECONDS)

    def _rest_because(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem
        self._wake.wait(BUSY_SECONDS)
        self._wake.clear()

    def _rest(self, seconds: float) -> None:
        """Wait until woken, or until a job has ended, but no longer than that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not any(future.done() for _, future in self._sent.values()):
            if self._wake.wait(LOOK_SECONDS if self._sent else seconds):
                break
        self._wake.clear()

    def _step(self) -> bool:
        """Look once at everything; return whether there is something to wait for."""
        if time.monotonic() - self._kept > KEEP_SECONDS:
            self._ledger.queue.keep(self._server)
            self._kept = time.monotonic()
        self.take_over()
        self._collect()
        for run in self._mine():
            if run.state == "running" and worker_lost(run):
                self._ledger.queue.lose(run)
        waiting = [run for run in self._mine() if run.waiting and run.id not in self._sent]
        if waiting:
            self._hand_out(waiting)
        return bool(waiting or self._sent)

    def _mine(self) -> list[Run]:
        return self._ledger.find(RunFilter(server=self._server, state=ACTIVE), sort="created")

    def _hand_out(self, waiting: list[Run]) -> None:
        pool = self._pool_of_workers()
        workers = pool.size()
        if not workers and not (self._sent and pool.local):  # here, a killed worker is replaced within seconds
            raise SchedulerError("No worker is connected to the scheduler yet; queued jobs wait for one.")
        free = workers - len(self._sent)
        for run in waiting[: max(0, free)]:
            ticket = self._ledger.queue.hand_out(run.id, self._server)
            if ticket is not None:
                self._sent[run.id] = (ticket, pool.send(run.id, ticket))

    def _pool_of_workers(self) -> Pool:
        if self._pool is not None and not self._pool.alive():
            self._pool.close()
            self._pool = None
            self._sent.clear()
        if self._pool is None:
            self._pool = self._connect()
        return self._pool

    def _collect(self) -> None:
        """Take note of what Dask is done with. How a run ended is in the ledger already, unless Dask gave it up."""
        for run_id, (ticket, future) in list(self._sent.items()):
            if not future.done():
                continue
            del self._sent[run_id]
            if future.status == "error":
                with suppress(RequestError):  # deleted meanwhile
                    self._given_up(self._ledger.get(run_id), ticket, future.exception())

    def _given_up(self, run: Run, ticket: int, error: BaseException | None) -> None:
        from distributed import KilledWorker

        if run.ticket != ticket or run.state not in ACTIVE:
            return
        if not isinstance(error, KilledWorker):
            self._ledger.queue.give_up(run, f"The worker could not carry out the run: {error}")
        elif run.state == "running":
            self._ledger.queue.lose(run)
