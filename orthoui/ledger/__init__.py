"""The ledger: every run that was ever made, in a database (SQLite by default, PostgreSQL by ``ORTHOUI_DB``).

How the parts fit: ``values`` holds what goes in and comes out, always frozen. ``Ledger`` is for pages and commands
(record, find, tag, delete, typical times), its ``queue`` for servers and workers (add, hand out, claim, cancel, …); a
claim is an ``Attempt``, whose writes count only while nobody else has the run. Below them are ``database`` (who may
write when, errors in words), ``schema`` (the tables) and ``migrate`` (one Alembic revision after the other).
``exports`` turns runs into files.
"""

import threading
from functools import lru_cache

from orthoui.ledger.attempt import Attempt
from orthoui.ledger.exports import FORMATS, Format, export
from orthoui.ledger.ids import new_id
from orthoui.ledger.query import SORTABLE, RunFilter
from orthoui.ledger.store import Ledger, Version
from orthoui.ledger.times import TimeKey, TypicalTime
from orthoui.ledger.values import ACTIVE, ENDED, WAITING, Action, NewRun, Progress, Result, Run, State
from orthoui.settings import settings

__all__ = [
    "ACTIVE", "ENDED", "FORMATS", "SORTABLE", "WAITING",
    "Action", "Attempt", "Format", "Ledger", "NewRun", "Progress", "Result", "Run", "RunFilter", "State", "TimeKey",
    "TypicalTime", "Version",
    "close_ledger", "export", "ledger", "new_id",
]  # fmt: skip

_first = threading.Lock()
"""Two sessions that come first at once must not open the database twice."""


def ledger() -> Ledger:
    """Return the ledger of this process, opened at the first call. Raises ``LedgerError``."""
    with _first:
        return _ledger()


def close_ledger() -> None:
    """Close the ledger of this process, if it is open; the next call of ``ledger`` opens it again."""
    with _first:
        if _ledger.cache_info().currsize:
            _ledger().close()
        _ledger.cache_clear()


@lru_cache(maxsize=1)
def _ledger() -> Ledger:
    return Ledger(settings().ledger_address)
