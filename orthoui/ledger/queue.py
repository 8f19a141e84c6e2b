"""What servers and workers do with runs that are not finished: every change of state, each in one transaction."""

from typing import Any

from sqlalchemy import update

from orthoui.errors import RequestError
from orthoui.ledger.attempt import Attempt
from orthoui.ledger.database import Database
from orthoui.ledger.rows import added, locked, new_row, now
from orthoui.ledger.schema import RunRow
from orthoui.ledger.values import WAITING, NewRun, Run

LOST_WORKERS = 1
"""So many killed workers a run survives; with the next one it has failed."""

KILLED = (
    "The worker process was killed twice while it carried out this run, most likely because the machine ran out of "
    "memory. Choose a smaller model or batch, or free memory, then retry."
)
ANEW: dict[str, Any] = {
    "error": None, "started": None, "finished": None, "requested": "none", "lost_workers": 0, "worker": None,
    "metrics": {}, "timings": {}, "progress": None,
}  # fmt: skip


class Queue:
    """Runs on their way. All methods raise ``LedgerError``, and ``RequestError`` for a run that is not there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, run: NewRun, *, server: str | None, module: str | None = None) -> Run:
        """Queue a run. ``server`` looks after it; None for one that this process carries out itself."""
        row = new_row(run)
        row.server, row.module = server, module
        row.heartbeat = row.created
        with self._database.writing() as session:
            return added(session, row)

    def hand_out(self, run_id: str, server: str) -> int | None:
        """Return a new ticket for a waiting run of this server; tickets given before are void. None: it waits not."""
        with self._database.writing() as session:
            row = locked(session, run_id)
            if row.state not in WAITING or row.server != server:
                return None
            row.ticket, row.heartbeat = row.ticket + 1, now()
            return row.ticket

    def start(self, run_id: str, ticket: int, *, worker: str, folder: str) -> Attempt | None:
        """Claim a run for a worker. None when the ticket is void or the run does not wait any more.

        A run that already runs under this ticket comes back because its worker was lost: that is counted.
        """
        with self._database.writing() as session:
            row = locked(session, run_id)
            if row.ticket != ticket:
                return None
            if row.state == "running":
                _lose(row)
            if row.state not in WAITING:
                return None
            moment = now()
            row.state, row.attempt, row.worker, row.folder = "running", row.attempt + 1, worker, folder
            row.started, row.heartbeat, row.finished, row.requested = moment, moment, None, "none"
            row.progress = None
            session.flush()
            return Attempt(self._database, row.value())

    def cancel(self, run_id: str) -> Run:
        """Cancel a run that waits or is paused, and ask the worker of a running one to stop."""
        with self._database.writing() as session:
            row = locked(session, run_id)
            if row.state == "running":
                row.requested = "cancel"
            elif not row.value().ended:
                row.state, row.finished = "cancelled", now()
            return row.value()

    def pause(self, run_id: str) -> Run:
        """Pause a run that waits, and ask the worker of a running one to stop at its next checkpoint."""
        with self._database.writing() as session:
            row = locked(session, run_id)
            if row.state == "running" and row.requested == "none":
                row.requested = "pause"
            elif row.value().waiting:
                row.state = "paused"
            return row.value()

    def resume(self, run_id: str, server: str) -> Run:
        """Put a paused run into the queue again; a pause that was only asked for is taken back."""
        with self._database.writing() as session:
            row = locked(session, run_id)
            if row.state == "paused":
                row.state, row.server, row.heartbeat = "queued", server, now()
            elif row.state == "running" and row.requested == "pause":
                row.requested = "none"
            return row.value()

    def retry(self, run_id: str, server: str, module: str | None = None) -> Run:
        """Put a failed, cancelled or interrupted run into the queue again, under its own name.

        Raises ``RequestError`` when it is done: that is a new run.
        """
        with self._database.writing() as session:
            row = locked(session, run_id)
            if row.state == "done":
                raise RequestError(f"“{row.title}” is done. Start it as a new run to repeat it.")
            if row.value().ended:
                for name, value in ANEW.items():
                    setattr(row, name, value)
                row.state, row.server, row.heartbeat = "queued", server, now()
                row.module = module or row.module
            return row.value()

    def keep(self, server: str) -> None:
        """Show that a server is alive and looks after its waiting runs."""
        mine = RunRow.server == server, RunRow.state.in_(WAITING)
        with self._database.writing() as session:
            session.execute(update(RunRow).where(*mine).values(heartbeat=now()))

    def adopt(self, lost: Run, server: str | None) -> bool:
        """Take over a run whose server, and worker if it had one, are gone. False when someone else was faster.

        It becomes interrupted if it was running, or cancelled or paused if that was asked; a waiting one keeps its
        state. ``server`` None only marks it.
        """
        with self._database.writing() as session:
            row = locked(session, lost.id)
            known = (row.server, row.ticket, row.attempt, row.state)
            if known != (lost.server, lost.ticket, lost.attempt, lost.state):
                return False
            if row.state == "running" and row.requested == "cancel":
                row.state, row.finished = "cancelled", now()
            elif row.state == "running" and row.requested == "pause":
                row.state, row.requested = "paused", "none"
            elif row.state == "running" or server is None:
                row.state, row.finished = "interrupted", None if server else now()
            row.server, row.ticket, row.heartbeat, row.worker = server, row.ticket + 1, now(), None
            return True

    def lose(self, lost: Run) -> Run:
        """Note that the worker of a running run was killed: it is tried once more, then it has failed."""
        with self._database.writing() as session:
            row = locked(session, lost.id)
            if row.state == "running" and row.attempt == lost.attempt:
                _lose(row)
            return row.value()

    def give_up(self, lost: Run, sentence: str) -> Run:
        """End a run that cannot be carried out, unless it went on meanwhile."""
        with self._database.writing() as session:
            row = locked(session, lost.id)
            if (row.state, row.ticket, row.attempt) == (lost.state, lost.ticket, lost.attempt):
                row.state, row.error, row.finished = "failed", sentence, now()
            return row.value()


def _lose(row: RunRow) -> None:
    row.lost_workers += 1
    if row.requested == "cancel":
        row.state, row.finished = "cancelled", now()
    elif row.lost_workers > LOST_WORKERS:
        row.state, row.error, row.finished = "failed", KILLED, now()
    elif row.requested == "pause":
        row.state, row.requested = "paused", "none"
    else:
        row.state = "interrupted"
    row.heartbeat, row.worker = now(), None
