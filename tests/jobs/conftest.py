"""One home folder and one engine with real workers for all tests of jobs: to start them takes seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orthoui.jobs.engine import Engine, close_engine
from orthoui.jobs.engine import engine as engine_of_process
from orthoui.ledger import Ledger, close_ledger, ledger
from orthoui.settings import settings
from tests.jobs import works  # noqa: F401  registers the works


@pytest.fixture(scope="package", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("jobs") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORTHOUI_HOME", str(folder))
        patch.setenv("ORTHOUI_DEVICE", "cpu")
        settings.cache_clear()
        yield folder
        close_engine()
        close_ledger()
    settings.cache_clear()


@pytest.fixture
def book() -> Ledger:
    return ledger()


@pytest.fixture
def engine() -> Engine:
    return engine_of_process()
