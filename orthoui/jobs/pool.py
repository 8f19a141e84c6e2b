"""The workers that jobs are sent to: those on this machine, or those of the scheduler at an address."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from orthoui.errors import SchedulerError
from orthoui.jobs.cluster import LocalWorkers, devices
from orthoui.jobs.execute import on_local_worker, on_worker

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_SECONDS = 5


class Pool:
    """A connection to a Dask scheduler, and the workers themselves where none is named."""

    def __init__(self, address: str | None) -> None:
        """Connect, and start the workers if need be, which takes seconds. Raises ``SchedulerError``."""
        self._workers = None if address else LocalWorkers(devices())
        self._client = self._connect(address or (self._workers.address if self._workers else ""))

    def _connect(self, address: str) -> Client:
        from distributed import Client

        # a scheduler that goes away is told by ``Dispatcher.problem``, not by a traceback of every open connection
        logging.getLogger("distributed.utils").setLevel(logging.CRITICAL)
        try:
            return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, ImportError) as error:
            if self._workers is not None:
                self._workers.close()
            raise SchedulerError(
                f"The Dask scheduler at {address} does not answer. Start it, or correct ORTHOUI_SCHEDULER; queued "
                "jobs wait until then."
            ) from error

    @property
    def local(self) -> bool:
        """Whether the workers end with this process."""
        return self._workers is not None

    def alive(self) -> bool:
        """Whether jobs can be sent."""
        return self._client.status == "running" and (self._workers is None or self._workers.alive())

    def size(self) -> int:
        """Return how many workers there are at this moment; each carries out one job at a time."""
        try:
            return len(self._client.nthreads())
        except OSError:
            return 0

    def send(self, run_id: str, ticket: int) -> Future:
        """Send a run to the next free worker."""
        work = on_local_worker if self.local else on_worker
        return self._client.submit(work, run_id, ticket, key=f"orthoui-{run_id}-{ticket}", pure=False)

    def close(self) -> None:
        """Disconnect, and stop the workers on this machine with whatever they do."""
        self._client.close(timeout=2)
        if self._workers is not None:
            self._workers.close()
