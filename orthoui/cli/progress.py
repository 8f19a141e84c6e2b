"""Progress on stderr, so that stdout stays for the answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(quiet: bool, doing: str, total: float) -> Iterator["Bar"]:
    """Show a bar with the time left while the block runs; nothing at all when ``quiet``."""
    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(compact=True))
    # In a log file a bar cannot move and would leave empty lines; notes are enough there.
    hidden = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        yield Bar(progress, doing, total)


class Bar:
    """One bar, and the notes that stay above it."""

    def __init__(self, progress: Progress, doing: str, total: float) -> None:
        self._progress = progress
        self.total = total
        self._task = progress.add_task(doing, total=total)

    def show(self, done: float, doing: str | None = None) -> None:
        """Move the bar to ``done`` of its total, with a new description if one is given."""
        self._progress.update(self._task, completed=done, description=doing)

    def note(self, line: str) -> None:
        """Leave a line above the bar."""
        self._progress.console.print(line, highlight=False, markup=False)
