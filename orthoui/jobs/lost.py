"""Which runs are lost: nobody works on them, or looks after them, any more."""

from datetime import timedelta

from orthoui.jobs.process import gone
from orthoui.ledger import Run
from orthoui.ledger.rows import now

SILENT = timedelta(seconds=30)
"""So long a worker on another machine may be silent before it counts as gone; a server twice as long."""


def worker_lost(run: Run) -> bool:
    """Whether the worker of a running run is gone."""
    ended = gone(run.worker)
    return _silent(run, SILENT) if ended is None else ended


def abandoned(run: Run) -> bool:
    """Whether an active run has lost both its server and its worker.

    A run from the command line has no server; it is abandoned with its process.
    """
    ended = gone(run.server)
    if ended is False:
        return False
    if run.state == "running":
        return worker_lost(run) if ended else _silent(run, 2 * SILENT)
    return bool(ended and run.server) or _silent(run, 2 * SILENT)


def _silent(run: Run, longer_than: timedelta) -> bool:
    return run.heartbeat is None or now() - run.heartbeat > longer_than
