"""Older databases are upgraded, newer and foreign ones refused, and the tables are what the code says."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from orthoui.errors import LedgerError
from orthoui.ledger import Ledger
from orthoui.ledger.database import Database
from orthoui.ledger.migrate import FOLDER, HEAD, VERSION_TABLE, bring_up_to_date
from orthoui.ledger.schema import Base
from tests.ledger.made import RESULT, new

OLD_RUN = (
    "INSERT INTO orthoui_runs (id, kind, title, state, request, request_digest, version, created, timings, metrics,"
    " attempt, requested, ticket, lost_workers) VALUES ('old', 'train', 'An old run', 'done', '{}', 'd', '0.1',"
    " '2026-01-02 03:04:05', '{\"optimisation\": 2.5}', '{}', 1, 'none', 1, 0)"
)


@contextmanager
def opened(address: str) -> Iterator[Database]:
    database = Database(address)
    yield database
    database.close()


def revision(address: str) -> str:
    with opened(address) as database, database.connection() as connection:
        return str(connection.execute(text("SELECT version_num FROM orthoui_version")).scalar_one())


def make_old(address: str) -> None:
    with opened(address) as database:
        bring_up_to_date(database, "0001")
        with database.connection(writes=True) as connection:
            connection.execute(text(OLD_RUN.replace(":", r"\:")))
            assert "orthoui_tags" not in inspect(connection).get_table_names()


def test_the_newest_revision_is_the_last_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_make_the_tables_of_the_code(book: Ledger) -> None:
    with book._database.connection() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []


def test_an_older_database_is_upgraded_with_what_it_holds(address: str) -> None:
    make_old(address)
    assert revision(address) == "0001"
    book = Ledger(address)
    run = book.get("old")
    assert (run.title, run.tags, run.seconds) == ("An old run", (), 2.5)
    assert run.created.isoformat() == "2026-01-02T03:04:05+00:00"
    book.tag(["old"], "kept")
    book.close()
    assert revision(address) == HEAD


def test_a_failed_upgrade_leaves_the_old_database(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_old(address)
    monkeypatch.setattr("alembic.op.create_index", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Ledger(address)
    assert revision(address) == "0001"
    with opened(address) as database, database.connection() as connection:
        assert "orthoui_tags" not in inspect(connection).get_table_names()
    monkeypatch.undo()
    book = Ledger(address)
    assert book.get("old").title == "An old run"
    book.close()


def test_two_that_open_an_older_database_at_once_migrate_it_once(address: str) -> None:
    make_old(address)
    books: list[Ledger] = []
    threads = [threading.Thread(target=lambda: books.append(Ledger(address))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [book.count() for book in books] == [1] * 4
    for book in books:
        book.close()


def test_a_newer_database_is_refused_and_left_alone(book: Ledger, address: str) -> None:
    book.record(new(), RESULT)
    with book._database.connection(writes=True) as connection:
        connection.execute(text("UPDATE orthoui_version SET version_num = '0099'"))
    with pytest.raises(LedgerError, match=r"newer OrthoUI: it has schema 0099, this .* up to 0002\. Install"):
        Ledger(address)
    assert revision(address) == "0099"
    assert book.count() == 1


def test_a_foreign_database_is_refused_and_left_alone(address: str) -> None:
    with opened(address) as database, database.connection(writes=True) as connection:
        connection.execute(text("CREATE TABLE orthoui_runs (id INTEGER)"))
    with pytest.raises(LedgerError, match="is a database, but not OrthoUI's: it holds orthoui_runs"):
        Ledger(address)


def test_a_file_of_another_program_is_not_written_to(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'photos.db'}"
    with opened(address) as database, database.connection(writes=True) as connection:
        connection.execute(text("CREATE TABLE photos (id INTEGER)"))
    before = (tmp_path / "photos.db").read_bytes()
    with pytest.raises(LedgerError, match="it holds photos"):
        Ledger(address)
    assert (tmp_path / "photos.db").read_bytes() == before


@pytest.mark.postgres
def test_other_tables_on_a_server_are_no_obstacle(server: str) -> None:
    address = f"postgresql://postgres@/postgres?host={server}"
    with opened(address) as database, database.connection(writes=True) as connection:
        connection.execute(text("CREATE TABLE photos (id INTEGER)"))
    book = Ledger(address)
    assert book.count() == 0
    book.close()
