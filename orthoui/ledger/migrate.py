"""Bring a database to the newest schema, once, whoever comes first; refuse one that is newer than this code."""

import sqlite3
import threading
import time
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from orthoui.errors import LedgerError
from orthoui.ledger.database import BUSY_SECONDS, Database
from orthoui.ledger.schema import Base

HEAD = "0002"
"""The newest revision. A database that has it is opened without Alembic, which takes a while to load."""

VERSION_TABLE = "orthoui_version"
FOLDER = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x0F7B0_1ED6E2
POLL_SECONDS = 0.05

_alembic = threading.Lock()
"""Alembic keeps the migration that runs in a global variable."""


def bring_up_to_date(database: Database, target: str = HEAD) -> None:
    """Upgrade a database to ``target``, or create its tables. Raises ``LedgerError``; nothing is overwritten.

    Everything happens in one transaction under the database's own lock: of two processes that come at once, one
    migrates, and the other waits and finds it done. A process that is killed meanwhile leaves the old schema.
    """
    with database.connection() as connection:
        current = _revision(connection)
    if current != target:
        with _alembic, database.connection(writes=True) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            current = _revision(connection)
            if current != target:
                _upgrade(database, connection, current, target)
    if database.is_sqlite:
        _use_write_ahead_log(database)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608


def _upgrade(database: Database, connection: Connection, current: str | None, target: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is None:
        _refuse_foreign(database, connection)
    elif current not in known:
        raise LedgerError(
            f"The ledger {database.name} was written by a newer OrthoUI: it has schema {current}, this version knows "
            f"up to {HEAD}. Install the newer OrthoUI, or set ORTHOUI_DB to another database."
        )
    command.upgrade(config, target)


def _refuse_foreign(database: Database, connection: Connection) -> None:
    """A file with other tables belongs to another program; on a server, only our own names must be free."""
    there = set(inspect(connection).get_table_names())
    taken = there if database.is_sqlite else there & set(Base.metadata.tables)
    if taken:
        raise LedgerError(
            f"{database.name} is a database, but not OrthoUI's: it holds {', '.join(sorted(taken)[:3])}. It was left "
            "as it is. Set ORTHOUI_DB to another database."
        )


def _use_write_ahead_log(database: Database) -> None:
    """Let readers and one writer work at once. SQLite does not wait by itself while it changes this mode."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with database.outside_transactions() as connection:
                if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise LedgerError(f"The ledger {database.name} cannot be opened ({error}). Try again.") from error
            time.sleep(POLL_SECONDS)
