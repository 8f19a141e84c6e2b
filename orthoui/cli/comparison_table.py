"""Compared methods as a table: for people at the terminal, and as Markdown for ``docs/methods.md``."""

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import percent, plain_table, text

HEADS = (
    "method",
    "forgotten",
    "others",
    "member (A)",
    "unseen (B)",
    "distance",
    "relearn steps",
    "seconds",
    "× faster",
)


def shown(rows: list[dict[str, Any]], note: str = "") -> RenderableType:
    """Return the table for the terminal, with a sentence below it if one is given."""
    table = plain_table(*HEADS, numbers=tuple(range(1, len(HEADS))))
    for row in rows:
        table.add_row(*(text(cell) for cell in _cells(row)))
    words = ["Test images; seconds without evaluation. Every run is kept in the ledger.", *([note] if note else [])]
    return Group(table, *(Text(line, style="dim") for line in words))


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table, accuracies with their intervals."""
    lines = [HEADS, ("---", *["---:"] * (len(HEADS) - 1)), *(_with_intervals(row) for row in rows)]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n" for cells in lines)


def _with_intervals(row: dict[str, Any]) -> tuple[str, ...]:
    cells = list(_cells(row))
    for place, name in enumerate(("forget_test", "retain_test"), start=1):
        if "error" not in row and row.get(name) is not None:
            cells[place] += f" ({value(row, name, 'low'):.1f} – {value(row, name, 'high'):.1f})"
    return tuple(cells)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    if "error" in row:
        return (row["title"], row["error"], *["–"] * (len(HEADS) - 2))
    faster = row.get("times_faster_than_retraining")
    return (
        row["title"],
        percent(value(row, "forget_test", "value")),
        percent(value(row, "retain_test", "value")),
        percent(value(row, "membership_a", "mean")),
        percent(value(row, "membership_b", "mean")),
        _number(value(row, "distance", "mean"), ".3f"),
        _number(_relearned(row), ".1f"),
        f"{row['seconds']:.2f}",
        _number(faster, ",.1f"),
    )


def value(row: dict[str, Any], name: str, part: str) -> float | None:
    """Return one part of a measure; None where it was not measured."""
    found = row.get(name)
    return None if found is None else float(found[part])


def _relearned(row: dict[str, Any]) -> float | None:
    found = row.get("relearn")
    return None if found is None else sum(found["steps"]) / len(found["steps"])


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
