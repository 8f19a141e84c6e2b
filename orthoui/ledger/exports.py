"""Runs as a file: CSV for a spreadsheet, JSON as an array or in lines, Parquet for data frames."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

from orthoui.errors import UnknownNameError
from orthoui.ledger.values import Run

Format = Literal["csv", "json", "jsonl", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)

SPREAD = ("timings", "metrics")
"""Documents whose entries become columns of their own; others stay JSON in one column."""

LEFT_OUT = ("progress", "requested", "heartbeat", "server", "ticket", "module")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a cell that begins so for a formula."""


def export(runs: Sequence[Run], form: str) -> bytes:
    """Return runs as the content of a file. Raises ``UnknownNameError`` for a form that is not there."""
    if form not in FORMATS:
        raise UnknownNameError("form of export", form, FORMATS)
    if form == "parquet":
        return _parquet(runs)
    if form == "csv":
        return _csv(runs)
    documents = [run.model_dump_json() for run in runs]
    if form == "jsonl":
        return "".join(f"{document}\n" for document in documents).encode()
    array = ",\n".join(documents)
    return f"[{array}]\n".encode()


def flat(run: Run) -> dict[str, Any]:
    """Return a run as one row of plain values, e.g. with the column ``metrics.forget_accuracy``.

    A pair of numbers, such as an interval, becomes two columns that end in ``.low`` and ``.high``.
    """
    row: dict[str, Any] = {}
    for name in Run.model_fields:
        value = getattr(run, name)
        if name in LEFT_OUT or name in SPREAD:
            continue
        row[name] = ", ".join(value) if name == "tags" else _cell(value)
    row["seconds"] = run.seconds
    for name in SPREAD:
        row |= _spread(getattr(run, name), name)
    return row


def _spread(document: Mapping[str, Any], above: str) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for key, value in document.items():
        name = f"{above}.{key}"
        if isinstance(value, Mapping):
            columns |= _spread(value, name)
        elif isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value)):
            columns |= {f"{name}.low": value[0], f"{name}.high": value[1]}
        else:
            columns[name] = _cell(value)
    return columns


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple | dict) else value


def _table(runs: Sequence[Run]) -> tuple[list[str], list[dict[str, Any]]]:
    rows = [flat(run) for run in runs]
    always = [name for name in Run.model_fields if name not in (*LEFT_OUT, *SPREAD)] + ["seconds"]
    return list(dict.fromkeys([*always, *(name for row in rows for name in row)])), rows


def _csv(runs: Sequence[Run]) -> bytes:
    names, rows = _table(runs)
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([_harmless(name) for name in names])
    writer.writerows([_harmless(row.get(name)) for name in names] for row in rows)
    return file.getvalue().encode("utf-8-sig")  # the mark by which spreadsheets know UTF-8


def _harmless(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _parquet(runs: Sequence[Run]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    names, rows = _table(runs)
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _column(values: list[Any]) -> Any:
    """Return a column of one type; values of several kinds become text, whole and other numbers numbers."""
    import pyarrow as pa

    present = [value for value in values if value is not None]
    if present and all(map(_is_number, present)) and any(isinstance(value, float) for value in present):
        return pa.array([None if value is None else float(value) for value in values])
    try:
        return pa.array(values, type=None if present else pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])
