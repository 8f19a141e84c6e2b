"""Runs to put into a ledger."""

from typing import Any

from orthoui.ledger import Attempt, Ledger, NewRun, Result, Run

SERVER = "here:1:1"
RESULT = Result(
    metrics={"forget_accuracy": 0.6, "forget_accuracy_interval": (0.2, 1.7)},
    timings={"statistics": 0.25, "edit": 0.005, "evaluation": 0.5},
    model_digest="0123456789abcdef",
)


def new(title: str = "Forget sneaker", **fields: Any) -> NewRun:
    known: dict[str, Any] = {"kind": "forget", "request": {"classes": [7], "ratio": 0.1}, "model": "plain", "seed": 3}
    return NewRun(title=title, **(known | fields))


def queued(book: Ledger, **fields: Any) -> Run:
    return book.queue.add(new(**fields), server=SERVER, module="tests.jobs.works")


def started(book: Ledger, run: Run | None = None, worker: str = "there:2:2") -> Attempt:
    run = run or queued(book)
    ticket = book.queue.hand_out(run.id, SERVER)
    assert ticket is not None
    attempt = book.queue.start(run.id, ticket, worker=worker, folder="/runs/x")
    assert attempt is not None
    return attempt
