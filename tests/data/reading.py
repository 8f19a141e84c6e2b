"""What is listed, and what reading a source yields, sorted."""

import pytest

from orthoui.data import DatasetEntry, available
from orthoui.data.sources import Source
from orthoui.errors import DatasetError


def entries() -> dict[str, DatasetEntry]:
    """Return every data set there is or could be, by its name."""
    return {entry.name: entry for entry in available()}


def usable(source: Source) -> list[str]:
    """Return the places of all files that can be used."""
    return [found.path for found in source.files() if found.content is not None]


def problems(source: Source) -> dict[str, str]:
    """Return what is wrong with the others, by their place."""
    return {found.path: found.problem for found in source.files() if found.content is None}


def refused(source: Source) -> str:
    """Return why the source as a whole is refused."""
    with pytest.raises(DatasetError) as raised:
        list(source.files())
    return str(raised.value)
