"""The engine: what pages do with jobs. One per process; every call returns at once."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Mapping
from functools import lru_cache

from pydantic import BaseModel

from orthoui.errors import RequestError
from orthoui.jobs.dispatch import Dispatcher
from orthoui.jobs.execute import describe
from orthoui.jobs.pool import Pool
from orthoui.jobs.process import close_server, open_server
from orthoui.jobs.work import find_work
from orthoui.ledger import Ledger, Run, ledger
from orthoui.ledger.values import Identity
from orthoui.settings import settings


class Engine:
    """Queues jobs and acts on them. Safe to call from all threads; workers start with the first job.

    All methods raise ``LedgerError``, and ``RequestError`` for a run or request that cannot be.
    """

    def __init__(self, book: Ledger, scheduler: str | None) -> None:
        self._ledger = book
        self.name = open_server()
        """By which other servers can tell whether this one still lives."""
        self._dispatcher = Dispatcher(book, self.name, lambda: Pool(scheduler))
        self._started = False
        self._starting = threading.Lock()

    @property
    def problem(self) -> str | None:
        """Why queued jobs do not start, in words; None when all is well."""
        return self._dispatcher.problem

    def submit(
        self,
        kind: str,
        payload: BaseModel | Mapping[str, object],
        title: str,
        *,
        method: str | None = None,
        group: str | None = None,
        identity: Identity | None = None,
        tags: tuple[str, ...] = (),
    ) -> str:
        """Queue a job and return the id of its run. Raises ``RequestError`` when the work refuses the request."""
        work = find_work(kind)
        new = describe(work, payload, title, method=method, group=group, identity=identity, tags=tags)
        run = self._ledger.queue.add(new, server=self.name, module=work.module)
        self._look()
        return run.id

    def cancel(self, run_id: str) -> Run:
        """Cancel a queued or paused job at once; a running one stops within two seconds."""
        return self._looked(self._ledger.queue.cancel(run_id))

    def pause(self, run_id: str) -> Run:
        """Let a running job stop at its next checkpoint and give its device back; hold a queued one.

        Raises ``RequestError`` when the job has no checkpoints.
        """
        run = self._ledger.get(run_id)
        if run.state == "running" and not find_work(run.kind, run.module).pausable:
            raise RequestError(f"“{run.title}” cannot be paused: it has no checkpoints. Cancel it, or let it end.")
        return self._looked(self._ledger.queue.pause(run_id))

    def resume(self, run_id: str) -> Run:
        """Queue a paused job again; it goes on from its checkpoint."""
        return self._looked(self._ledger.queue.resume(run_id, self.name))

    def retry(self, run_id: str) -> Run:
        """Queue a failed, cancelled or interrupted job again, under the same id."""
        return self._looked(self._ledger.queue.retry(run_id, self.name))

    def recover(self) -> list[Run]:
        """Take over what a killed server left, when this one starts; return those runs as they were found.

        What was running becomes interrupted and is queued again, what was queued is queued here. From then on the
        same is done all the time, for servers that are killed later.
        """
        lost = self._dispatcher.take_over()
        self._look()
        return lost

    def close(self) -> None:
        """Stop looking after jobs, and the workers on this machine. The next server takes the jobs over."""
        self._dispatcher.close()
        close_server(self.name)

    def _look(self) -> None:
        with self._starting:
            if not self._started:
                self._started = True
                self._dispatcher.start()
        self._dispatcher.wake()

    def _looked(self, run: Run) -> Run:
        self._look()
        return run


_first = threading.Lock()
"""Two sessions that come first at once must not start two engines."""


def engine() -> Engine:
    """Return the engine of this process. Raises ``LedgerError``."""
    with _first:
        return _engine()


def close_engine() -> None:
    """Close the engine of this process, if there is one; the next call of ``engine`` makes a new one."""
    with _first:
        if _engine.cache_info().currsize:
            atexit.unregister(_engine().close)
            _engine().close()
        _engine.cache_clear()


@lru_cache(maxsize=1)
def _engine() -> Engine:
    made = Engine(ledger(), settings().scheduler)
    atexit.register(made.close)
    return made
