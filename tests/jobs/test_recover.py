"""A killed server: its workers end, and the next server goes on where it stopped."""

from pathlib import Path

import psutil

from orthoui.jobs.context import read_log
from orthoui.jobs.engine import Engine
from orthoui.jobs.process import gone
from orthoui.ledger import Ledger
from orthoui.settings import Settings
from tests.jobs.serving import line, server
from tests.jobs.waiting import reached, stepped, until


def test_a_killed_server_leaves_nothing_running_and_loses_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    book = Ledger(Settings(home=home).ledger_address)
    with server("start", home) as first:
        running, queued = line(first), line(first)
        stepped(book, running, 3)
        family = psutil.Process(first.pid).children(recursive=True)
        assert gone(book.get(running).worker) is False
        first.kill()
        first.wait()
    until(lambda: not any(process.is_running() for process in family), "the workers of the killed server are gone")
    left = book.get(running)
    assert left.state == "running"
    assert gone(left.worker) is True
    assert gone(left.server) is True

    with server("recover", home) as second:
        assert line(second) == "Queued,Running"
        run = stepped(book, running, 3)
        assert (run.attempt, run.lost_workers) == (2, 0)
        log = read_log(run)
        assert "Attempt 2 begins" in log
        assert "From step 0." in log
        assert log.count("From step") == 2
        assert book.get(queued).state == "queued"
        book.queue.cancel(running)
        assert reached(book, queued, "done").attempt == 1
        assert book.get(running).state == "cancelled"
        assert second.stdin is not None
        second.stdin.close()
        assert second.wait(30) == 0
    book.close()


def test_a_run_of_a_killed_command_is_marked_but_not_repeated(engine: Engine, book: Ledger, home: Path) -> None:
    with server("here", home) as command:
        run_id = line(command)
        stepped(book, run_id, 1)
        assert engine.recover() == []
        command.kill()
        command.wait()
    run = reached(book, run_id, "interrupted") if not engine.recover() else book.get(run_id)
    assert (run.state, run.ended, run.waiting) == ("interrupted", True, False)
    assert engine.retry(run_id).waiting
    stepped(book, run_id)
    engine.cancel(run_id)
    reached(book, run_id, "cancelled")
