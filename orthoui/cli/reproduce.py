"""``orthoui reproduce``: one of the paper's tables, measured here, beside the printed numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import AsJson, checked_folder, emit, plain_table, reports_errors, text
from orthoui.cli.fields import given, takes_fields_of
from orthoui.cli.progress import Bar, progress_bar
from orthoui.errors import RequestError, UnknownNameError
from orthoui.paper.setting import TABLES, ReproduceRequest
from orthoui.wording import parse

if TYPE_CHECKING:
    from orthoui.ledger import Progress
    from orthoui.paper.printed import Quantity
    from orthoui.paper.schema import Cell, Table


@reports_errors
@takes_fields_of(ReproduceRequest, without=("table", "out"))
def reproduce(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=f"One of: {', '.join(TABLES)}.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where the table is written. Default: paper in ORTHOUI_HOME.", show_default=False
        ),
    ] = None,
    train: Annotated[
        bool,
        typer.Option(
            "--train",
            help="Train the networks that are missing first, which takes hours at the paper's width without a GPU. "
            "An interrupted training goes on.",
        ),
    ] = False,
    as_json: AsJson = False,
    **fields: Any,
) -> None:
    """Measure a table of the paper and show it beside the printed one. An interrupted run goes on."""
    if table not in TABLES:
        raise UnknownNameError("table", table, TABLES)
    folder = None if out is None else checked_folder(out)
    request = parse(ReproduceRequest, {**given(fields), "table": table, "out": folder})
    from orthoui.jobs.execute import run_here
    from orthoui.paper.answers import answer
    from orthoui.paper.job import KIND, identity
    from orthoui.paper.outline import table_path
    from orthoui.paper.store import read_table

    if train:
        _train_missing(request, as_json)
    with progress_bar(as_json, "Looking for models", 1) as bar:
        run_here(KIND, request, request.title, identity=identity(request.setting), show=_shown(bar))
    path = table_path(request)
    done = read_table(path)
    if done is None:
        raise RequestError(f"{path} is gone. Measure the table again.")
    document = {"path": str(path), "answer": answer(done).sentence, "holds": answer(done).holds}
    emit({**document, **done.model_dump(mode="json")}, as_json, lambda: _answer(done, path))


def _train_missing(request: ReproduceRequest, as_json: bool) -> None:
    from orthoui.jobs.execute import run_here
    from orthoui.jobs.planning import free_name
    from orthoui.jobs.train import TrainRequest
    from orthoui.ledger import ledger
    from orthoui.models.zoo import zoo
    from orthoui.paper.reproduce import missing_trainings

    for recipe in missing_trainings(request, zoo()):
        asked = TrainRequest(recipe=recipe)
        if asked.path.exists():  # a model of another kind has that name, and stays
            asked = TrainRequest(recipe=recipe, name=free_name(recipe, ledger()))
        with progress_bar(as_json, asked.title, 1) as bar:
            run_here("train", asked, asked.title, identity=asked.identity, show=_shown(bar))


def _shown(bar: Bar) -> Callable[["Progress"], None]:
    from orthoui.paper.job import left_words

    def show(progress: "Progress") -> None:
        bar.show(progress.share * bar.total, f"{progress.message} {left_words(progress)}".strip())

    return show


def _answer(done: "Table", path: Path) -> RenderableType:
    from orthoui.paper.answers import answer
    from orthoui.paper.curves import QUANTITY_WORDS, fit_words
    from orthoui.paper.setting import TABLE_TITLES

    shown = list(dict.fromkeys(name for cell in done.cells for name in cell.quantities))
    table = plain_table("", "", "read as", *(QUANTITY_WORDS[name] for name in shown))
    for cell in done.cells:
        table.add_row(
            *map(text, (cell.row, cell.column, cell.reading or "")), *(_value(cell, name) for name in shown)
        )
    parts: list[RenderableType] = [
        Text(answer(done).sentence, style="bold"),
        Text(f"{TABLE_TITLES[done.table]} of {done.paper} on {done.setting.title}; forgotten: {done.forgotten}."),
    ]
    comparable = any(cell.comparable for cell in done.cells)
    elsewhere = {cell.printed_for for cell in done.cells if cell.printed_for and not cell.comparable}
    if elsewhere:
        parts.append(
            Text(f"What is printed is for {' and '.join(sorted(elsewhere))}, width 64: a reference, no more.")
        )
    fit = fit_words(done.cells, comparable)
    parts += [Text(f"Orthogonal network: {fit}.")] if fit else []
    parts += [Text(), table, Text()]
    missing = list(dict.fromkeys(cell.advice for cell in done.cells if cell.advice))
    parts += [Text(f"Not yet run: {advice}", overflow="fold") for advice in missing]
    parts.append(Text(f"Written to {path}.", style="dim", overflow="fold"))
    return Group(*parts)


def _value(cell: "Cell", quantity: "Quantity") -> str:
    """Return what is measured of a cell, with its spread, what is printed, and the difference where both compare."""
    from orthoui.paper.curves import number, signed, unmeasured

    found, printed = cell.measured.get(quantity), cell.printed.get(quantity)
    if quantity not in cell.quantities:
        return ""
    words = unmeasured(cell) if found is None else number(quantity, found.mean)
    if found is not None and found.spread is not None:
        words += f" ± {number(quantity, found.spread).split()[0]}"
    if printed is not None:
        by = f", {signed(cell.difference[quantity])}" if quantity in cell.difference else ""
        words += f" (printed {number(quantity, printed)}{by})"
    return words
