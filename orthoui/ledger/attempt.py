"""One worker's claim on a run. What it writes counts only as long as the run was not given to another one."""

from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from orthoui.errors import SupersededError
from orthoui.ledger.database import Database
from orthoui.ledger.rows import now
from orthoui.ledger.schema import RunRow
from orthoui.ledger.values import Action, Progress, Result, Run, State


class Attempt:
    """The right to work on a run and to write about it, until it ends or is superseded.

    ``run.attempt`` is the fencing token: every write is ``WHERE id AND attempt AND running``. All methods raise
    ``SupersededError``, and store nothing, once the run was taken away, deleted or ended; ``LedgerError`` when the
    database does not answer.
    """

    def __init__(self, database: Database, run: Run) -> None:
        self._database = database
        self.run = run

    def requested(self) -> Action:
        """Return what a person has asked the worker to do."""
        statement = select(RunRow.requested).where(*self._mine())
        with self._database.reading() as session:
            return self._still(session.scalar(statement))

    def beat(self, progress: Progress | None = None) -> Action:
        """Show that the worker is alive, and how far it has come; return what a person has asked for."""
        with self._database.writing() as session:
            changes: dict[str, Any] = {} if progress is None else {"progress": progress.model_dump()}
            self._write(session, heartbeat=now(), **changes)
            return self._still(session.scalar(select(RunRow.requested).where(*self._mine())))

    def finish(self, result: Result) -> None:
        """Store the result: the run is done."""
        self._end("done", metrics=result.metrics, timings=result.timings, **result.identity())

    def fail(self, sentence: str) -> None:
        """Store why it failed, in words for a person."""
        self._end("failed", error=sentence)

    def cancel(self) -> None:
        """Store that it was cancelled."""
        self._end("cancelled")

    def pause(self) -> None:
        """Store that it stopped at a checkpoint and waits until someone resumes it."""
        with self._database.writing() as session:
            self._write(session, state="paused", requested="none", worker=None, heartbeat=None)

    def _end(self, state: State, **values: Any) -> None:
        with self._database.writing() as session:
            self._write(session, state=state, finished=now(), requested="none", **values)

    def _write(self, session: Session, **values: Any) -> None:
        done = session.execute(update(RunRow).where(*self._mine()).values(**values))
        if getattr(done, "rowcount", 0) != 1:
            raise self._superseded()

    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return RunRow.id == self.run.id, RunRow.attempt == self.run.attempt, RunRow.state == "running"

    def _still(self, requested: Any) -> Action:
        if requested is None:
            raise self._superseded()
        action: Action = requested
        return action

    def _superseded(self) -> SupersededError:
        return SupersededError(
            f"Attempt {self.run.attempt} at “{self.run.title}” was given up: the run was ended or handed to another "
            "worker meanwhile. Nothing of this attempt is stored."
        )
