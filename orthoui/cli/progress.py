"""Progress on stderr, so that stdout stays for the answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(quiet: bool, doing: str, total: float) -> Iterator["Bar"]:
    """Show a bar with the time left while the block runs; nothing at all when ``quiet``."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress:
        yield Bar(progress, doing, total, quiet)


class Bar:
    """One bar; in a log file, where a bar cannot move, every note becomes a line."""

    def __init__(self, progress: Progress, doing: str, total: float, quiet: bool) -> None:
        self._progress = progress
        self._task = progress.add_task(doing, total=total)
        self._notes_stay = not quiet

    def show(self, done: float, doing: str | None = None) -> None:
        """Move the bar to ``done`` of its total, with a new description if one is given."""
        self._progress.update(self._task, completed=done, description=doing)

    def note(self, line: str) -> None:
        """Leave a line above the bar."""
        if self._notes_stay:
            self._progress.console.print(line, highlight=False)
