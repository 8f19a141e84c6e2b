"""Wait for what other processes do."""

import time
from collections.abc import Callable

from orthoui.ledger import Ledger, Run

PATIENCE = 60.0


def until(true: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something holds; fail when it never does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.02)


def reached(book: Ledger, run_id: str, *states: str) -> Run:
    """Wait until a run is in one of some states; return it."""
    until(lambda: book.get(run_id).state in states, f"{run_id} is {' or '.join(states)}: {book.get(run_id)}")
    return book.get(run_id)


def stepped(book: Ledger, run_id: str, least: int = 0) -> Run:
    """Wait until a run has reported a step; return it."""

    def has() -> bool:
        run = book.get(run_id)
        assert not run.ended, run
        return run.state == "running" and run.progress is not None and run.progress.step >= least

    until(has, f"{run_id} is at step {least}")
    return book.get(run_id)
