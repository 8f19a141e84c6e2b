"""How long runs took here, so that the next one can be announced."""

from collections import defaultdict
from statistics import median

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from orthoui.ledger.database import Database
from orthoui.ledger.schema import RunRow

LATEST = 5000
"""Finished runs that are looked at, the newest first."""

TimeKey = tuple[str, str | None, str | None, str | None]
"""(kind, method, dataset, architecture)"""


class TypicalTime(BaseModel):
    """Median seconds of so many runs, all measured stages together."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    runs: int


def typical_times(database: Database, device: str | None) -> dict[TimeKey, TypicalTime]:
    """Return the median of the measured stages of finished runs. A run that measured none does not count."""
    columns = (RunRow.kind, RunRow.method, RunRow.dataset, RunRow.architecture, RunRow.timings)
    statement = select(*columns).where(RunRow.state == "done").order_by(RunRow.id.desc()).limit(LATEST)
    if device is not None:
        statement = statement.where(RunRow.device == device)
    found: dict[TimeKey, list[float]] = defaultdict(list)
    with database.reading() as session:
        for kind, method, dataset, architecture, timings in session.execute(statement):
            if timings:
                found[kind, method, dataset, architecture].append(sum(timings.values()))
    return {key: TypicalTime(seconds=median(seconds), runs=len(seconds)) for key, seconds in found.items()}
