"""The ledger: every run that was ever made, for pages and commands."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select

from orthoui.errors import RequestError, UnknownNameError
from orthoui.ledger.database import Database
from orthoui.ledger.migrate import bring_up_to_date
from orthoui.ledger.query import NAMED, RunFilter, order
from orthoui.ledger.queue import Queue
from orthoui.ledger.rows import added, checked_tag, locked, new_row, now, unknown
from orthoui.ledger.schema import RunRow, TagRow
from orthoui.ledger.times import TimeKey, TypicalTime, typical_times
from orthoui.ledger.values import ACTIVE, NewRun, Result, Run

EVERYTHING = RunFilter()
Version = tuple[int, datetime | None, datetime | None]


class Ledger:
    """All runs in one database. Safe to use from several threads and processes at once.

    ``queue`` holds what servers and workers do with runs that are not finished.
    """

    def __init__(self, address: str | Path) -> None:
        """Open the database and bring it to the newest schema. Raises ``LedgerError``."""
        self._database = Database(address)
        try:
            bring_up_to_date(self._database)
        except BaseException:
            self._database.close()
            raise
        self.queue = Queue(self._database)

    @property
    def name(self) -> str:
        """Where it is: a file, or an address without its password."""
        return self._database.name

    def record(self, run: NewRun, result: Result, *, started: datetime | None = None) -> Run:
        """Store a run that is already finished, in one transaction.

        Without ``started`` it is taken to have begun as many seconds ago as its timings add up to.
        """
        row = new_row(run)
        row.state, row.finished = "done", row.created
        row.started = started or row.created - timedelta(seconds=sum(result.timings.values()))
        row.metrics, row.timings = result.metrics, result.timings
        for name, value in result.identity().items():
            setattr(row, name, value)
        with self._database.writing() as session:
            return added(session, row)

    def add_metrics(self, run_id: str, metrics: Mapping[str, Any]) -> None:
        """Add to a finished run what was measured of it later; of the same name the later one counts.

        Raises ``RequestError`` when it is not there, or not finished: its own result would be lost or overwritten.
        """
        with self._database.writing() as session:
            row = locked(session, run_id)
            if row.state != "done":
                raise RequestError(f"“{row.title}” is {row.state}: only a finished run can be measured further.")
            row.metrics = {**row.metrics, **metrics}
            row.heartbeat = now()

    def get(self, run_id: str) -> Run:
        """Return one run. Raises ``RequestError`` when it is not there."""
        with self._database.reading() as session:
            row = session.get(RunRow, run_id)
            if row is None:
                raise unknown(run_id)
            return row.value()

    def find(
        self, chosen: RunFilter = EVERYTHING, *, sort: str = "-created", limit: int | None = None, offset: int = 0
    ) -> list[Run]:
        """Return the chosen runs; ``sort`` names a column, with ``-`` in front for the largest first.

        Raises ``UnknownNameError`` for a column that cannot be sorted by.
        """
        statement = order(select(RunRow).where(*chosen.conditions()), sort).limit(limit).offset(offset)
        with self._database.reading() as session:
            return [row.value() for row in session.scalars(statement)]

    def count(self, chosen: RunFilter = EVERYTHING) -> int:
        """Return how many runs there are of the chosen ones."""
        statement = select(func.count()).select_from(RunRow).where(*chosen.conditions())
        with self._database.reading() as session:
            return session.scalar(statement) or 0

    def version_of(self, chosen: RunFilter) -> Version:
        """Return what is another value whenever finished runs among the chosen came, went or were measured further.

        For those who keep what they read: it costs far less than reading.
        """
        newest = select(func.count(), func.max(RunRow.finished), func.max(RunRow.heartbeat))
        with self._database.reading() as session:
            count, finished, written = session.execute(newest.where(*chosen.conditions())).one()
        return count, finished, written

    def count_states(self) -> dict[str, int]:
        """Return how many runs there are in every state that occurs."""
        statement = select(RunRow.state, func.count().label("runs")).group_by(RunRow.state)
        with self._database.reading() as session:
            return {row.state: row.runs for row in session.execute(statement)}

    def names(self, column: str) -> list[str]:
        """Return the different values of a column, e.g. of every model there is a run of.

        Raises ``UnknownNameError`` for a column without names.
        """
        if column not in NAMED:
            raise UnknownNameError("column of names", column, NAMED)
        values = getattr(RunRow, column)
        statement = select(values).where(values.is_not(None)).distinct().order_by(values)
        with self._database.reading() as session:
            return list(session.scalars(statement))

    def delete(self, run_ids: Sequence[str]) -> int:
        """Delete runs with their folders and return how many there were, all of them or none.

        Raises ``RequestError`` when one of them still waits or runs.
        """
        with self._database.writing() as session:
            rows = session.scalars(select(RunRow).where(RunRow.id.in_(run_ids)).with_for_update()).all()
            runs = [row.value() for row in rows]
            for run in runs:
                if run.state in ACTIVE and not run.ended:
                    raise RequestError(f"“{run.title}” is {run.state}: cancel it before you delete it.")
            session.execute(delete(RunRow).where(RunRow.id.in_([run.id for run in runs])))
        for run in runs:
            _remove_folder(run)
        return len(runs)

    def tag(self, run_ids: Iterable[str], tag: str) -> None:
        """Give runs a tag; one that has it keeps it. Raises ``RequestError``."""
        tag = checked_tag(tag)
        with self._database.writing() as session:
            for run_id in run_ids:
                row = locked(session, run_id)
                if tag not in (known.tag for known in row.tags):
                    row.tags.append(TagRow(tag=tag))

    def untag(self, run_ids: Iterable[str], tag: str) -> None:
        """Take a tag away from runs; one that has it not stays as it is."""
        statement = delete(TagRow).where(TagRow.run_id.in_(list(run_ids)), TagRow.tag == checked_tag(tag))
        with self._database.writing() as session:
            session.execute(statement)

    def tags(self) -> dict[str, int]:
        """Return all tags with the number of their runs."""
        statement = select(TagRow.tag, func.count().label("runs")).group_by(TagRow.tag).order_by(TagRow.tag)
        with self._database.reading() as session:
            return {row.tag: row.runs for row in session.execute(statement)}

    def typical_times(self, *, device: str | None = None) -> dict[TimeKey, TypicalTime]:
        """Return measured median seconds of finished runs, e.g. to say beforehand how long one will take.

        Keys are (kind, method, dataset, architecture). ``device`` counts only runs on that device.
        """
        return typical_times(self._database, device)

    def close(self) -> None:
        """Close all connections to the database."""
        self._database.close()


def _remove_folder(run: Run) -> None:
    """Remove a run's own folder; a row that names any other one does not get it removed."""
    if run.folder and Path(run.folder).name == run.id:
        shutil.rmtree(run.folder, ignore_errors=True)
