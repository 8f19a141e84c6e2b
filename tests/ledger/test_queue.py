"""From queued to done: every change of state, and whose writes count."""

import pytest

from orthoui.errors import RequestError, SupersededError
from orthoui.ledger import Ledger, Progress, Result
from tests.ledger.made import RESULT, SERVER, new, queued, started


def test_a_run_from_queue_to_done(book: Ledger) -> None:
    run = queued(book)
    assert (run.state, run.waiting, run.ended, run.attempt) == ("queued", True, False, 0)
    attempt = started(book, run)
    running = book.get(run.id)
    assert (running.state, running.attempt, running.worker, running.folder) == ("running", 1, "there:2:2", "/runs/x")
    assert running.started is not None
    progress = Progress(step=3, steps=10, loss=0.5, message="fine-tuning", seconds_left=7.5, metrics={"a": 1.0})
    assert attempt.beat(progress) == "none"
    assert attempt.requested() == "none"
    assert book.get(run.id).progress == progress
    assert progress.share == 0.3
    attempt.finish(RESULT)
    done = book.get(run.id)
    assert (done.state, done.ended, done.error) == ("done", True, None)
    assert done.timings == RESULT.timings
    assert done.seconds == pytest.approx(0.755)
    assert (done.model, done.model_digest) == ("plain", "0123456789abcdef")
    assert done.progress == progress


def test_a_superseded_worker_writes_nothing(book: Ledger) -> None:
    run = queued(book)
    old = started(book, run)
    lost = book.get(run.id)
    assert book.queue.adopt(lost, "other:3:3")
    ticket = book.queue.hand_out(run.id, "other:3:3")
    assert ticket == 3
    new_attempt = book.queue.start(run.id, ticket, worker="w:4:4", folder="/runs/x")
    assert new_attempt is not None
    before = book.get(run.id)
    for write in (
        lambda: old.beat(Progress(step=9)),
        old.requested,
        lambda: old.finish(RESULT),
        lambda: old.fail("late"),
        old.cancel,
        old.pause,
    ):
        with pytest.raises(SupersededError, match="Attempt 1 at “Forget sneaker” was given up"):
            write()
    assert book.get(run.id) == before
    new_attempt.finish(Result())
    assert book.get(run.id).state == "done"
    with pytest.raises(SupersededError):
        new_attempt.fail("too late")


def test_a_void_ticket_starts_nothing(book: Ledger) -> None:
    run = queued(book)
    first = book.queue.hand_out(run.id, SERVER)
    second = book.queue.hand_out(run.id, SERVER)
    assert (first, second) == (1, 2)
    assert book.queue.start(run.id, 1, worker="w:1:1", folder="") is None
    assert book.get(run.id).state == "queued"
    assert book.queue.hand_out(run.id, "another:1:1") is None
    with pytest.raises(RequestError, match="There is no run"):
        book.queue.start("unknown", 1, worker="w:1:1", folder="")


def test_a_killed_worker_is_replaced_once(book: Ledger) -> None:
    run = queued(book)
    assert book.queue.hand_out(run.id, SERVER) == 1
    for number in (1, 2):
        attempt = book.queue.start(run.id, 1, worker="w:1:1", folder="")
        assert attempt is not None
        assert attempt.run.attempt == number
    assert book.get(run.id).lost_workers == 1
    assert book.queue.start(run.id, 1, worker="w:1:1", folder="") is None
    failed = book.get(run.id)
    assert failed.state == "failed"
    assert failed.error is not None
    assert "killed twice" in failed.error
    assert "then retry" in failed.error


def test_a_loss_is_counted_once_whoever_notices_first(book: Ledger) -> None:
    run = queued(book)
    started(book, run)
    seen = book.get(run.id)
    assert book.queue.lose(seen).state == "interrupted"
    assert book.queue.lose(seen).lost_workers == 1
    again = book.queue.start(run.id, seen.ticket, worker="w:1:1", folder="")
    assert again is not None
    assert book.queue.lose(seen).state == "running"
    assert book.queue.lose(again.run).state == "failed"


def test_cancelling(book: Ledger) -> None:
    waiting = queued(book)
    assert book.queue.cancel(waiting.id).state == "cancelled"
    assert book.queue.hand_out(waiting.id, SERVER) is None
    assert book.queue.cancel(waiting.id).state == "cancelled"
    attempt = started(book)
    assert book.queue.cancel(attempt.run.id).state == "running"
    assert attempt.requested() == attempt.beat() == "cancel"
    attempt.cancel()
    ended = book.get(attempt.run.id)
    assert (ended.state, ended.requested) == ("cancelled", "none")
    assert ended.finished is not None


def test_a_cancelled_run_whose_worker_is_gone_is_not_started_again(book: Ledger) -> None:
    for notice in ("start", "lose", "adopt"):
        attempt = started(book)
        book.queue.cancel(attempt.run.id)
        run = book.get(attempt.run.id)
        if notice == "start":
            assert book.queue.start(run.id, run.ticket, worker="w:1:1", folder="") is None
        elif notice == "lose":
            book.queue.lose(run)
        else:
            book.queue.adopt(run, "other:1:1")
        assert book.get(run.id).state == "cancelled"


def test_pausing_and_resuming(book: Ledger) -> None:
    waiting = queued(book)
    assert book.queue.pause(waiting.id).state == "paused"
    assert book.queue.hand_out(waiting.id, SERVER) is None
    assert book.queue.resume(waiting.id, "other:1:1").server == "other:1:1"
    assert book.get(waiting.id).waiting

    attempt = started(book)
    book.queue.pause(attempt.run.id)
    assert attempt.requested() == "pause"
    book.queue.resume(attempt.run.id, SERVER)
    assert attempt.requested() == "none"
    book.queue.pause(attempt.run.id)
    attempt.beat(Progress(step=4, steps=9))
    attempt.pause()
    paused = book.get(attempt.run.id)
    assert (paused.state, paused.requested, paused.worker) == ("paused", "none", None)
    assert paused.progress == Progress(step=4, steps=9)
    book.queue.resume(paused.id, SERVER)
    again = started(book, paused)
    assert (again.run.attempt, again.run.progress) == (2, None)
    book.queue.cancel(again.run.id)
    assert book.queue.pause(again.run.id).requested == "cancel"


def test_retrying(book: Ledger) -> None:
    attempt = started(book)
    attempt.fail("It broke.")
    failed = book.get(attempt.run.id)
    assert (failed.state, failed.error) == ("failed", "It broke.")
    again = book.queue.retry(failed.id, "other:1:1")
    assert (again.state, again.error, again.finished, again.server) == ("queued", None, None, "other:1:1")
    assert again.attempt == 1
    assert book.queue.retry(failed.id, SERVER) == again
    done = book.record(new(), RESULT)
    with pytest.raises(RequestError, match=r"is done\. Start it as a new run"):
        book.queue.retry(done.id, SERVER)


def test_only_one_server_takes_a_run_over(book: Ledger) -> None:
    running = book.get(started(book).run.id)
    assert book.queue.adopt(running, "one:1:1")
    assert not book.queue.adopt(running, "two:1:1")
    taken = book.get(running.id)
    assert (taken.state, taken.server, taken.waiting, taken.lost_workers) == ("interrupted", "one:1:1", True, 0)
    waiting = queued(book)
    assert book.queue.adopt(waiting, "one:1:1")
    assert book.get(waiting.id).state == "queued"


def test_a_pause_that_was_asked_for_outlives_worker_and_server(book: Ledger) -> None:
    killed, left = book.get(started(book).run.id), book.get(started(book).run.id)
    for run in (killed, left):
        book.queue.pause(run.id)
    assert book.queue.lose(killed).state == "paused"
    assert book.queue.adopt(left, "one:1:1")
    assert book.get(left.id).state == "paused"
    for run in (killed, left):
        again = book.queue.resume(run.id, SERVER)
        assert (again.state, again.requested) == ("queued", "none")


def test_a_run_of_the_command_line_is_only_marked(book: Ledger) -> None:
    run = book.queue.add(new(), server=None)
    assert not run.waiting
    attempt = book.queue.start(run.id, 0, worker="w:1:1", folder="")
    assert attempt is not None
    assert book.queue.adopt(book.get(run.id), None)
    ended = book.get(run.id)
    assert (ended.state, ended.ended, ended.waiting) == ("interrupted", True, False)
    assert book.queue.retry(run.id, SERVER).waiting


def test_a_server_shows_that_it_lives(book: Ledger) -> None:
    mine, other = queued(book), book.queue.add(new(), server="other:1:1")
    book.queue.keep(SERVER)
    beat = book.get(mine.id).heartbeat
    assert beat is not None
    assert mine.heartbeat is not None
    assert beat > mine.heartbeat
    assert book.get(other.id).heartbeat == other.heartbeat


def test_giving_up(book: Ledger) -> None:
    run = queued(book)
    assert book.queue.give_up(run, "Nobody can do this.").error == "Nobody can do this."
    assert book.get(run.id).state == "failed"
    attempt = started(book)
    seen = book.get(attempt.run.id)
    attempt.finish(RESULT)
    assert book.queue.give_up(seen, "Too late.").state == "done"
