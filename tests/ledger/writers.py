"""Processes that write to one ledger; without torch, so that they start quickly."""

import os
import signal
from multiprocessing import get_context
from multiprocessing.queues import Queue as Pipe
from multiprocessing.synchronize import Barrier
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from orthoui.ledger import Ledger, Progress
from tests.ledger.made import RESULT, SERVER, new

SPAWN = get_context("spawn")
WRITES = 12


def open_and_write(address: str, number: int, together: Barrier, faults: "Pipe[str]") -> None:
    """Open the ledger at the same moment as the others, then write whole runs."""
    try:
        together.wait(60)
        book = Ledger(address)
        together.wait(60)
        for count in range(WRITES):
            book.record(new(title=f"{number}/{count}", tags=("recorded",)), RESULT)
            run = book.queue.add(new(title=f"{number}/{count} queued"), server=SERVER)
            attempt = book.queue.start(run.id, book.queue.hand_out(run.id, SERVER) or 0, worker="w:1:1", folder="")
            if attempt is None:
                raise RuntimeError("not started")
            attempt.beat(Progress(step=count, steps=WRITES))
            attempt.finish(RESULT)
            book.find(limit=5)
        book.close()
    except BaseException as error:
        faults.put(repr(error))
        raise


def die_before_commit(address: str) -> None:
    """Write a run with its tags, and be killed before it is stored."""
    book = Ledger(address)

    def kill(session: Session) -> None:
        session.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Session, "before_commit", kill)
    book.record(new(title="half", tags=("a", "b")), RESULT)


def die_while_finishing(address: str, run_id: str, ticket: int) -> None:
    """Claim a run, and be killed before its end is stored."""
    book = Ledger(address)
    attempt = book.queue.start(run_id, ticket, worker="w:1:1", folder="")
    if attempt is None:
        raise RuntimeError("not started")

    def kill(session: Session) -> None:
        session.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Session, "before_commit", kill)
    attempt.finish(RESULT)


def ended_with(target: Any, *args: Any) -> int | None:
    """Run a function in a process of its own; return its exit code."""
    process = SPAWN.Process(target=target, args=args)
    process.start()
    process.join(60)
    return process.exitcode
