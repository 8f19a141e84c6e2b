"""What every operation on rows of the ledger shares."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orthoui.errors import RequestError, shortened
from orthoui.ledger.ids import new_id
from orthoui.ledger.schema import RunRow, TagRow
from orthoui.ledger.values import NewRun, Run, request_digest

LONGEST_TAG = 80
IN_COLUMNS = set(NewRun.model_fields) - {"tags"}


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def new_row(run: NewRun) -> RunRow:
    """Return a queued row for a new run."""
    return RunRow(
        id=new_id(),
        state="queued",
        created=now(),
        request_digest=request_digest(run.request),
        timings={},
        metrics={},
        attempt=0,
        requested="none",
        ticket=0,
        lost_workers=0,
        tags=[TagRow(tag=checked_tag(tag)) for tag in dict.fromkeys(run.tags)],
        **run.model_dump(include=IN_COLUMNS),
    )


def locked(session: Session, run_id: str) -> RunRow:
    """Return a row that nobody else changes until the session ends. Raises ``RequestError`` for an unknown one."""
    row = session.scalar(select(RunRow).where(RunRow.id == run_id).with_for_update())
    if row is None:
        raise unknown(run_id)
    return row


def added(session: Session, row: RunRow) -> Run:
    """Add a row and return the run as the database gives it back."""
    session.add(row)
    session.flush()
    session.refresh(row)
    return row.value()


def unknown(run_id: str) -> RequestError:
    """Return the error for a run that is not there."""
    return RequestError(f"There is no run “{shortened(run_id)}”: it was deleted, or belongs to another ledger.")


def checked_tag(tag: str) -> str:
    """Return a tag without blanks around it. Raises ``RequestError``."""
    tag = " ".join(tag.split())
    if not 0 < len(tag) <= LONGEST_TAG:
        raise RequestError(f"A tag has 1 to {LONGEST_TAG} characters; “{shortened(tag)}” has {len(tag)}.")
    return tag
