"""The data folder of the tests that find data sets by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orthoui.data import catalog


@pytest.fixture
def folder(home: Path) -> Iterator[Path]:
    """The data folder; nothing is remembered from another test."""
    catalog._load.cache_clear()
    yield home / "data"
    catalog._load.cache_clear()
