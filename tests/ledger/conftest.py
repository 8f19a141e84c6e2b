"""Fixtures of the ledger's tests: every test runs on SQLite and on a real PostgreSQL server."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from orthoui.ledger import Ledger
from tests.postgres import NoServerError, start_postgres

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
_numbers = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server. None to be had is a failure that says what to do, never a skip."""
    try:
        with start_postgres() as folder:
            yield folder
    except NoServerError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(params=BACKENDS)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    folder = request.getfixturevalue("server")
    name = f"orthoui{next(_numbers)}"
    with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql+psycopg://postgres@/{name}?host={folder}"


@pytest.fixture
def book(address: str) -> Iterator[Ledger]:
    """An empty ledger."""
    made = Ledger(address)
    yield made
    made.close()
