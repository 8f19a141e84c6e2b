"""What can be wrong with a database, each in one sentence, and nothing is overwritten."""

import os
import sqlite3
from pathlib import Path

import pytest

from orthoui.bench.server import free_port
from orthoui.errors import LedgerError
from orthoui.ledger import Ledger
from orthoui.ledger import database as database_module
from tests.ledger.made import RESULT, new


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    file.write_bytes(b"these are holiday notes, not a database\n" * 200)
    before = file.read_bytes()
    with pytest.raises(LedgerError, match=r"ledger\.sqlite is damaged \(file is not a database\).*left as it is"):
        Ledger(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_database_with_damaged_pages(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    book = Ledger(f"sqlite:///{file}")
    for _ in range(50):
        book.record(new(), RESULT)
    book.close()
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(LedgerError, match="is damaged"):
        Ledger(f"sqlite:///{file}").find()
    assert file.read_bytes() == content


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    file = tmp_path / "50 % of? a #home" / "ledger.sqlite"
    book = Ledger(file)
    book.record(new(), RESULT)
    book.close()
    assert file.stat().st_size > 0


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch()
    book = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    assert book.find() == []
    book.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(LedgerError, match=r"cannot be opened for writing .*set ORTHOUI_HOME or ORTHOUI_DB"):
        Ledger(f"sqlite:///{tmp_path / 'home' / 'ledger.sqlite'}")
    (tmp_path / "taken").mkdir()
    with pytest.raises(LedgerError, match="cannot be opened for writing"):
        Ledger(f"sqlite:///{tmp_path / 'taken'}")


def test_a_database_that_may_only_be_read(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    Ledger(f"sqlite:///{file}").close()
    book = Ledger(f"sqlite:///{file}")
    with book._database.outside_transactions() as connection:
        connection.execute("PRAGMA query_only = ON")
    with pytest.raises(LedgerError, match="cannot be opened for writing"):
        book.record(new(), RESULT)
    book.close()


def test_a_program_that_does_not_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.2)
    file = tmp_path / "ledger.sqlite"
    book = Ledger(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match="is held by another program"):
        book.record(new(), RESULT)
    other.close()
    book.record(new(), RESULT)
    book.close()


def test_a_server_that_does_not_answer() -> None:
    address = f"postgresql+psycopg://me:secret@127.0.0.1:{free_port()}/runs"
    with pytest.raises(LedgerError, match=r"does not answer as it should .*refused.*Check ORTHOUI_DB") as caught:
        Ledger(address)
    assert "secret" not in str(caught.value)


@pytest.mark.postgres
def test_a_database_that_the_server_does_not_have(server: str) -> None:
    with pytest.raises(LedgerError, match='database "absent" does not exist'):
        Ledger(f"postgresql://postgres@/absent?host={server}")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("not an address", "ORTHOUI_DB is not the address of a database"),
        ("nosuchdb://host/name", "needs a database driver that is not installed"),
        ("sqlite://", "A ledger in memory would be lost"),
        ("sqlite:///:memory:", "A ledger in memory would be lost"),
    ],
)
def test_an_address_that_cannot_be(address: str, words: str) -> None:
    with pytest.raises(LedgerError, match=words):
        Ledger(address)
