"""``orthoui datasets``: the data sets there are; ``orthoui datasets get``: those that can be downloaded."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import AsJson, emit, plain_table, reports_errors, text
from orthoui.cli.progress import Bar, progress_bar

if TYPE_CHECKING:
    from orthoui.data import Dataset, DatasetEntry

MOST_SHOWN = 10
"""Refused files that the table names; the JSON answer has more."""


@reports_errors
def datasets(context: typer.Context, as_json: AsJson = False) -> None:
    """List the data sets: classes, images of every split, where from, what is missing or refused."""
    if context.invoked_subcommand is not None:
        return
    from orthoui.data import available

    entries = available()
    emit({"datasets": [_described(entry) for entry in entries]}, as_json, lambda: _listed(entries))


@reports_errors
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Data set, as “orthoui datasets” lists it.")],
    as_json: AsJson = False,
) -> None:
    """Download a data set and make it ready. What is there already is only made ready, and replaced if damaged."""
    from orthoui.data import available, fetch_dataset

    with progress_bar(as_json, "Looking", 1.0) as bar:
        data = fetch_dataset(name, lambda doing, share: _report(doing, share, bar))
    entry = next(entry for entry in available() if entry.name == name)
    emit(_described(entry), as_json, lambda: _ready(data, entry))


def _report(doing: str, share: float, bar: Bar) -> None:
    bar.show(share, doing)


def _described(entry: "DatasetEntry") -> dict[str, Any]:
    side = entry.image_size
    return asdict(entry) | {"image_size": None if side is None else [side, side]}


def _ready(data: "Dataset", entry: "DatasetEntry") -> RenderableType:
    counts = ", ".join(f"{count:,} {split}" for split, count in entry.images.items())
    line = f"{data.title} is ready: {counts} images of {len(data.classes)} classes."
    return Group(Text(line, style="bold"), *_refused(entry))


def _listed(entries: "list[DatasetEntry]") -> RenderableType:
    table = plain_table("data set", "title", "classes", "images", "from", numbers=(2,))
    below: list[Text] = []
    for entry in entries:
        classes = str(len(entry.classes) or "")
        table.add_row(*map(text, (entry.name, entry.title, classes, _images(entry), entry.source)))
        if entry.problem is not None:
            below.append(Text(f"{entry.name}: {entry.problem}", style="red"))
        below += _refused(entry)
        if entry.advice:
            below.append(Text(f"{entry.title}: {entry.advice}", style="dim"))
    return Group(table, Text(), *below)


def _images(entry: "DatasetEntry") -> str:
    if entry.images:
        return ", ".join(f"{count:,} {split}" for split, count in entry.images.items())
    return {"present": "read at first use", "fetchable": "not here", "damaged": "damaged"}[entry.state]


def _refused(entry: "DatasetEntry") -> list[Text]:
    if not entry.refused_count:
        return []
    shown = [Text(f"  {path}: {reason}", style="yellow") for path, reason in list(entry.refused.items())[:MOST_SHOWN]]
    more = f"; the first {MOST_SHOWN}" if entry.refused_count > MOST_SHOWN else ""
    return [Text(f"{entry.name}: {entry.refused_count:,} files are not used{more}:", style="yellow"), *shown]
