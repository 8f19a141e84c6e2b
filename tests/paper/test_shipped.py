"""Measuring goes on from the shipped tables, as the page counts it; with a folder to write to, from its own alone."""

from pathlib import Path

import pytest

from orthoui.models.zoo import Zoo
from orthoui.paper import store
from orthoui.paper.outline import open_measurements, outline
from orthoui.paper.reproduce import reproduce
from orthoui.paper.store import read_table, shelf
from orthoui.settings import settings
from tests.paper.test_reproduce import Counter, asked


@pytest.fixture
def shipped(models: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped tables with one draw of Table 3(b)."""
    folder = tmp_path / "shipped"
    monkeypatch.setattr(store, "folders", lambda: (folder, settings().home / "paper"))
    reproduce(asked("table-3b", seeds=1, out=folder), models)
    return folder


def test_what_the_page_counts_is_what_is_measured(models: Zoo, shipped: Path) -> None:
    request, seen = asked("table-3b", seeds=2), Counter()
    name = request.setting.file_name("table-3b")
    count = open_measurements(outline(request, models, shelf().tables[name]), request, models)
    table = reproduce(request, models, seen)
    assert count == len(seen.cells) == len(table.cells) == 18
    assert all(cell.complete for cell in table.cells)
    kept, before = read_table(settings().home / "paper" / name), read_table(shipped / name)
    assert (
        kept == table
        and before
        and [cell.draws[0] for cell in table.cells] == [cell.draws[0] for cell in before.cells]
    )


def test_a_folder_to_write_to_is_filled_by_itself(models: Zoo, shipped: Path, tmp_path: Path) -> None:
    seen = Counter()
    reproduce(asked("table-3b", seeds=1, out=tmp_path / "own"), models, seen)
    assert len(seen.cells) == 18


def test_a_shipped_table_lends_its_draws_to_another(models: Zoo, shipped: Path) -> None:
    lent = read_table(shipped / asked("table-3b").setting.file_name("table-3b"))
    table = reproduce(asked("table-3a", seeds=1), models)
    one, other = table.cell("orthogonal/0.05/floor"), lent and lent.cell("0.4/floor")
    assert one and other and one.draws == other.draws
