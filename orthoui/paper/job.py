"""Reproducing a table as a job: the same on a worker, started from the page, and on the command line."""

from orthoui.jobs.context import Context
from orthoui.jobs.work import work
from orthoui.ledger import Progress, Result
from orthoui.ledger.values import Identity
from orthoui.models.zoo import zoo
from orthoui.paper.answers import answer
from orthoui.paper.curves import value_words
from orthoui.paper.outline import table_path
from orthoui.paper.reproduce import reproduce
from orthoui.paper.schema import Cell, Table
from orthoui.paper.setting import ReproduceRequest, Setting

KIND = "reproduce"


def identity(setting: Setting) -> Identity:
    """Return what the ledger should know of a run before it begins."""
    return Identity(dataset=setting.dataset, architecture=setting.architecture)


class Reporter:
    """Passes on to a run how far its table is. A table can be paused after every measurement."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def look(self) -> None:
        """Stop when the run was cancelled."""
        self._context.check()

    def cancelled(self) -> bool:
        """Whether the run was cancelled."""
        return self._context.cancelled()

    def measured(self, cell: Cell) -> None:
        """Log a measurement; a pause takes effect here, because it is in the file."""
        self._context.log(measured_words(cell))
        self._context.checkpointed()

    def progress(self, done: int, total: int, doing: str) -> None:
        """Report how far it is."""
        self._context.progress(done, total, message=doing)


def measured_words(cell: Cell) -> str:
    """Return one line about a cell that was just measured."""
    place = ", ".join(part for part in (cell.row, cell.column, cell.reading) if part)
    return f"{place}: {value_words(cell)} ({len(cell.draws)} of {cell.wanted})"


def left_words(progress: Progress) -> str:
    """Return the time left of a run in words; empty as long as nobody knows it."""
    seconds = progress.seconds_left
    if seconds is None:
        return ""
    return f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"


@work(KIND, ReproduceRequest, pausable=True)
def run(request: ReproduceRequest, context: Context) -> Result:
    """Measure a table of the paper and write its file."""
    table = reproduce(request, zoo(), Reporter(context))
    return Result(metrics=result_metrics(request, table), timings={"evaluation": _seconds(table)})


def result_metrics(request: ReproduceRequest, table: Table) -> dict[str, object]:
    """Return what the ledger keeps of a table: its answer and where it lies."""
    return {
        "path": str(table_path(request)),
        "answer": answer(table).sentence,
        "measured": len(table.measured),
        "cells": len(table.cells),
    }


def _seconds(table: Table) -> float:
    return sum(draw.seconds for cell in table.cells for draw in cell.draws)
