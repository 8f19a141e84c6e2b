"""Connections to the database of runs: who may write when, and what went wrong in plain words."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from orthoui.errors import LedgerError

BUSY_SECONDS = 60
"""How long a writer waits for the others."""

CONNECT_SECONDS = 5
WRITES = "orthoui_writes"

ADVICE = (
    (
        ("not a database", "malformed"),
        "is damaged ({reason}). It was left as it is: move it away to start with an empty one, or put a copy back.",
    ),
    (
        ("unable to open", "readonly", "read-only"),
        "cannot be opened for writing ({reason}). Make its folder writable, or set ORTHOUI_HOME or ORTHOUI_DB "
        "to another place.",
    ),
    (
        ("locked",),
        "is held by another program ({reason}). Close that program, or wait until it is done, and try again.",
    ),
    (("full",), "could not be written ({reason}). Free some space and try again."),
)
OTHERWISE = "does not answer as it should ({reason}). Check ORTHOUI_DB and the database it names, then try again."


class Database:
    """The database behind one SQLAlchemy URL, or in one file. Safe to use from several threads."""

    def __init__(self, address: str | Path) -> None:
        self._url = _parsed(address)
        self.name = _name(self._url)
        try:
            self._engine = create_engine(self._url, **_options(self._url))
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise LedgerError(
                f"The ledger {self.name} needs a database driver that is not installed ({error}). For PostgreSQL, "
                "install OrthoUI's extra “postgres”."
            ) from error
        self._writer = self._engine.execution_options(**{WRITES: True})
        if self.is_sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite."""
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that only reads. Raises ``LedgerError``."""
        with self.explained(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session whose changes are stored together or not at all. Raises ``LedgerError``."""
        with self.explained(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def connection(self, *, writes: bool = False) -> Iterator[Connection]:
        """Open a bare connection in one transaction. Raises ``LedgerError``."""
        with self.explained(), (self._writer if writes else self._engine).begin() as connection:
            yield connection

    @contextmanager
    def outside_transactions(self) -> Iterator[Any]:
        """Open a connection of the driver itself. Raises ``LedgerError``."""
        with self.explained():
            connection = self._engine.raw_connection()
            try:
                yield connection.driver_connection
            finally:
                connection.close()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the errors of the driver into one sentence."""
        try:
            yield
        except DBAPIError as error:
            reason = str(error.orig).strip().split("\n")[0]
            known = (words for signs, words in ADVICE if any(sign in reason.lower() for sign in signs))
            sentence = next(known, OTHERWISE).format(reason=reason)
            raise LedgerError(f"The ledger {self.name} {sentence}") from error
        except PoolTimeoutError as error:
            raise LedgerError(f"The ledger {self.name} is too busy. Try again in a moment.") from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _parsed(address: str | Path) -> URL:
    try:
        url = URL.create("sqlite", database=str(address)) if isinstance(address, Path) else make_url(address)
    except ArgumentError as error:
        raise LedgerError(
            "ORTHOUI_DB is not the address of a database. Write it like sqlite:////folder/ledger.sqlite or "
            "postgresql+psycopg://user:password@host/database."
        ) from error
    if url.get_backend_name() == "postgresql" and "+" not in url.drivername:
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        return url
    if not url.database or url.database == ":memory:":
        raise LedgerError(
            "A ledger in memory would be lost with the process. Name a file, like sqlite:////folder/ledger.sqlite."
        )
    file = Path(url.database).expanduser().resolve()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LedgerError(f"The ledger {file} {ADVICE[1][1].format(reason=reason)}") from error
    return url.set(database=str(file))


def _name(url: URL) -> str:
    backend = url.get_backend_name()
    return str(url.database) if backend == "sqlite" else url.render_as_string(hide_password=True)


def _options(url: URL) -> dict[str, Any]:
    options: dict[str, Any] = {"json_serializer": lambda value: json.dumps(value, allow_nan=False)}
    if url.get_backend_name() == "sqlite":
        # as many connections as there are threads that ask: a queue in front of a fast file helps nobody
        return options | {"connect_args": {"timeout": BUSY_SECONDS}, "max_overflow": -1}
    if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
        options["connect_args"] = {"connect_timeout": CONNECT_SECONDS}
    return options | {"pool_pre_ping": True, "max_overflow": 20}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Leave transactions to ``_begin_sqlite``: the driver would begin them too late to wait for other writers."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")  # with WAL: safe against kills; power loss may cost the last rows
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a reader that becomes a writer is refused instead of made to wait."""
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
