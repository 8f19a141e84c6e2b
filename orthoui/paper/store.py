"""Where tables lie: shipped with the app in ``docs/paper``, the user's own in ``paper`` in the home folder."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from orthoui.errors import OrthoError, RequestError
from orthoui.files import write_atomically
from orthoui.paper.schema import Cell, Draw, Table
from orthoui.settings import app_folder, settings

log = logging.getLogger(__name__)

FOLDER = "paper"
LARGEST = 50_000_000
"""Bytes of a table's file that is still read."""


@dataclass(frozen=True)
class Shelf:
    """All tables that could be read, by file name, and what is wrong with the others, in sentences."""

    tables: dict[str, Table]
    problems: tuple[str, ...]


def folders() -> tuple[Path, Path]:
    """Return the folder of the shipped tables and that of the user's own."""
    return app_folder() / "docs" / FOLDER, settings().home / FOLDER


def read_table(path: Path) -> Table | None:
    """Return a table, or None where there is no file. Raises ``RequestError`` for one that cannot be read."""
    try:
        if not path.exists():
            return None
        state = path.stat()
        if state.st_size > LARGEST:
            raise RequestError(f"{path} is too large for a table: {state.st_size / 1e6:.0f} MB.")
        return _parsed(path, state.st_mtime_ns, state.st_size)
    except (OSError, ValidationError) as error:
        raise RequestError(
            f"{path} is damaged, or was written by another version of OrthoUI. Move it away to measure its table "
            "again, or choose another folder with --out."
        ) from error


@lru_cache(maxsize=128)
def _parsed(path: Path, changed: int, size: int) -> Table:  # noqa: ARG001  another state of the file is another table
    return Table.model_validate_json(path.read_bytes())


def write_table(path: Path, table: Table) -> None:
    """Write a table whole or not at all. Raises ``OrthoError``."""
    try:
        write_atomically(path, (table.model_dump_json(indent=1) + "\n").encode())
    except OSError as error:
        raise OrthoError(
            f"{path} could not be written ({error.strerror or error}). Free some space or choose another folder with "
            "--out, then start again: what is measured already stays."
        ) from error


def shelf(where: Sequence[Path] | None = None) -> Shelf:
    """Read every table of the folders; what is measured in both is shown as it is newest."""
    tables: dict[str, Table] = {}
    problems = []
    for folder in folders() if where is None else where:
        for path in sorted(folder.glob("*.json")):
            try:
                table = read_table(path)
            except RequestError as error:
                problems.append(str(error))
                continue
            if table is None or path.name != table.setting.file_name(table.table):
                continue
            tables[path.name] = merged(tables[path.name], table) if path.name in tables else table
    return Shelf(tables, tuple(problems))


def merged(shipped: Table, own: Table) -> Table:
    """Return a table with the draws of both, of the same draw the newest; a cell not run hides none."""
    mine = {cell.id: cell for cell in own.cells}
    cells = [_newest(cell, mine.pop(cell.id, cell)) for cell in shipped.cells]
    dates = [table.updated for table in (shipped, own) if table.updated]
    return own.model_copy(
        update={
            "cells": (*cells, *mine.values()),
            "trainings": shipped.trainings | own.trainings,
            "updated": max(dates, default=None),
        }
    )


def _newest(one: Cell, other: Cell) -> Cell:
    if not (one.draws and other.draws):
        return one if one.draws else other
    by_date = sorted((*one.draws, *other.draws), key=lambda draw: draw.date)
    measured = {draw.model: _measured_on(draw) for draw in by_date}
    newest = {(draw.model, draw.seed): draw for draw in by_date if _measured_on(draw) == measured[draw.model]}
    draws = sorted(newest.values(), key=lambda draw: (draw.training_seed, draw.seed or 0))
    return other.model_copy(update={"draws": tuple(draws)})


def _measured_on(draw: Draw) -> tuple[object, ...]:
    """Return what all draws of one network must share: those of other weights or images are no draws of the same."""
    request = draw.request and draw.request.model_copy(update={"seed": 0})
    return draw.model_digest, draw.images_digest, request, draw.settings
