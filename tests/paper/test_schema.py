import json
import math
from pathlib import Path

import numpy as np
import pytest

from orthoui.errors import OrthoError, RequestError
from orthoui.paper.schema import Draw, Pictures, Table, summary
from orthoui.paper.setting import Setting
from orthoui.paper.store import merged, read_table, shelf, write_table
from tests.paper.made import accuracies, draw, table


def test_mean_and_spread_are_those_of_the_draws() -> None:
    found = summary([1.0, 2.0, 6.0])
    assert (found.mean, found.low, found.high, found.draws) == (3.0, 1.0, 6.0, 3)
    assert found.spread == pytest.approx(math.sqrt(7))
    assert summary([5.0]).spread is None


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = table("table-3a", {"orthogonal/0.05/floor": accuracies(3, 90)})
    write_table(tmp_path / "a.json", made)
    assert read_table(tmp_path / "a.json") == made
    written = json.loads((tmp_path / "a.json").read_text())
    cell = next(cell for cell in written["cells"] if cell["id"] == "orthogonal/0.05/floor")
    assert cell["measured"]["forget_accuracy"]["mean"] == 3
    assert cell["difference"]["retain_accuracy"] == pytest.approx(90 - 90.34)


def test_nothing_is_compared_with_another_setting() -> None:
    made = table("table-3a", {"orthogonal/0.05/floor": accuracies(3, 90)}, Setting(width=32))
    cell = made.cell("orthogonal/0.05/floor")
    assert cell and cell.printed and cell.difference == {}


def test_another_version_is_refused_in_words(tmp_path: Path) -> None:
    made = json.loads(table("table-1", {}).model_dump_json())
    path = tmp_path / "a.json"
    for content in ("{", json.dumps({**made, "schema_version": 2}), json.dumps({**made, "more": 1})):
        path.write_text(content)
        with pytest.raises(RequestError, match=r"is damaged, or was written by another version of OrthoUI. Move it"):
            read_table(path)
    assert read_table(tmp_path / "none.json") is None


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("orthoui.paper.store.write_atomically", full)
    with pytest.raises(OrthoError, match=r"could not be written \(No space left on device\)"):
        write_table(tmp_path / "a.json", table("table-1", {}))


def test_pictures_keep_their_pixels_and_values() -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    assert np.array_equal(Pictures.of(pixels).pixels(), pixels)
    maps = generator.normal(size=(6, 7, 5))
    packed = Pictures.of_values(maps)
    assert np.abs(packed.values() - maps).max() <= (maps.max() - maps.min()) / 255
    assert np.array_equal(Pictures.of_values(np.zeros((2, 3, 3))).values(), np.zeros((2, 3, 3)))


def drawn(*draws: Draw) -> Table:
    made = table("table-1", {})
    cells = [cell.model_copy(update={"draws": draws}) if cell.id == "plain" else cell for cell in made.cells]
    return made.model_copy(update={"cells": tuple(cells)})


def dated(date: int, forget: float) -> Table:
    return drawn(draw(accuracies(forget, 90), date=date))


def test_the_newest_measurement_of_a_cell_is_shown() -> None:
    empty = table("table-1", {})
    for shipped, own, seen in (
        (dated(1, 10), dated(2, 20), 20),
        (dated(2, 10), dated(1, 20), 10),
        (dated(1, 10), empty, 10),
        (empty, dated(1, 20), 20),
    ):
        cell = merged(shipped, own).cell("plain")
        assert cell is not None and cell.mean("forget_accuracy") == seen


def test_draws_of_one_network_are_put_together() -> None:
    shipped = drawn(*(draw(accuracies(10, 90), seed=seed) for seed in range(3)))
    again = draw(accuracies(40, 90), seed=1, date=2)
    cell = merged(shipped, drawn(again)).cell("plain")
    assert cell and [one.values["forget_accuracy"].value for one in cell.draws] == [10, 40, 10]
    other = merged(shipped, drawn(again.model_copy(update={"model_digest": "other weights"}))).cell("plain")
    assert other and [one.seed for one in other.draws] == [1]
    second = merged(shipped, drawn(draw(accuracies(40, 90), training=1))).cell("plain")
    assert second and [(one.training_seed, one.seed) for one in second.draws] == [(0, 0), (0, 1), (0, 2), (1, 0)]


def test_the_shelf_reads_both_folders_and_names_what_is_damaged(tmp_path: Path) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    name = Setting().file_name("table-1")
    write_table(shipped / name, dated(1, 10))
    write_table(own / name, dated(2, 20))
    (own / "broken.json").write_text("[]")
    write_table(own / "under-another-name.json", dated(2, 30))
    found = shelf([shipped, own, tmp_path / "absent"])
    assert list(found.tables) == [name]
    cell = found.tables[name].cell("plain")
    assert cell is not None and cell.mean("forget_accuracy") == 20
    assert len(found.problems) == 1 and "broken.json is damaged" in found.problems[0]
