"""Jobs on real workers of this machine, from queue to end."""

import os
import threading
from datetime import UTC, datetime
from itertools import pairwise

import psutil
import pytest

from orthoui.errors import RequestError, UnknownNameError
from orthoui.jobs.context import read_log
from orthoui.jobs.engine import Engine, close_engine
from orthoui.jobs.engine import engine as engine_of_process
from orthoui.ledger import Ledger
from orthoui.ledger.values import Identity
from tests.jobs.waiting import reached, stepped, until
from tests.jobs.works import Steps

LONG = {"steps": 2000, "seconds": 0.02}


def now() -> datetime:
    return datetime.now(UTC)


def test_a_job_runs_outside_this_process_and_is_recorded(engine: Engine, book: Ledger) -> None:
    identity = Identity(model="plain", dataset="fashion_mnist", seed=3)
    run_id = engine.submit(
        "test-steps", Steps(steps=5), "Count", method="m", group="g", identity=identity, tags=("lecture",)
    )
    run = reached(book, run_id, "done", "failed")
    assert run.error is None
    assert run.request == {"steps": 5, "seconds": 0.01}
    assert (run.method, run.group, run.model, run.seed, run.tags) == ("m", "g", "plain", 3, ("lecture",))
    assert run.metrics["counted"] == 5
    assert run.metrics["pid"] != os.getpid()
    assert run.metrics["OMP_NUM_THREADS"] == os.environ.get("OMP_NUM_THREADS")
    assert run.timings == {"optimisation": 0.5}
    assert (run.attempt, run.lost_workers, run.device) == (1, 0, "cpu")
    assert run.progress is not None
    assert (run.progress.step, run.progress.metrics) == (5, {"counted": 5})
    assert "Counted to 5." in read_log(run)
    assert "Done." in read_log(run)


def test_a_warm_worker_begins_within_a_second(engine: Engine, book: Ledger) -> None:
    reached(book, engine.submit("test-steps", {}, "Warm up"), "done")
    seconds = []
    for _ in range(3):
        run = stepped(book, engine.submit("test-steps", {"steps": 200}, "Quick"))
        seconds.append((now() - run.created).total_seconds())
        reached(book, run.id, "done")
    assert min(seconds) < 1  # other tests run beside this one


def test_progress_is_seen_while_it_runs(engine: Engine, book: Ledger) -> None:
    run_id = engine.submit("test-steps", {"steps": 80, "seconds": 0.03}, "Slow")
    first = stepped(book, run_id)
    with pytest.raises(RequestError, match="“Slow” cannot be paused: it has no checkpoints"):
        engine.pause(run_id)
    later = stepped(book, run_id, 20)
    assert first.progress is not None
    assert later.progress is not None
    assert first.progress.step < later.progress.step < 80
    assert later.progress.loss == pytest.approx(1 / (later.progress.step + 1))
    assert later.progress.message == "counting"
    assert later.progress.seconds_left == pytest.approx(0.03 * (80 - later.progress.step), rel=0.5)
    assert later.heartbeat is not None
    assert first.heartbeat is not None
    assert later.heartbeat > first.heartbeat
    reached(book, run_id, "done")


@pytest.mark.parametrize("kind", ["test-steps", "test-stubborn"])
def test_cancelling_stops_a_running_job_within_two_seconds(engine: Engine, book: Ledger, kind: str) -> None:
    request = LONG if kind == "test-steps" else {"seconds": 600}
    run_id = engine.submit(kind, request, "Too long")
    stepped(book, run_id)
    asked = now()
    assert engine.cancel(run_id).requested == "cancel"
    run = reached(book, run_id, "cancelled")
    assert run.finished is not None
    assert (run.finished - asked).total_seconds() < 2
    after = reached(book, engine.submit("test-steps", {}, "After"), "done")
    assert after.lost_workers == 0
    assert book.get(run_id).state == "cancelled"
    assert book.get(run_id).attempt == 1


def test_a_queued_job_is_cancelled_at_once(engine: Engine, book: Ledger) -> None:
    first, second = (engine.submit("test-steps", LONG, title) for title in ("First", "Second"))
    stepped(book, first)
    assert engine.cancel(second).state == "cancelled"
    engine.cancel(first)
    reached(book, first, "cancelled")
    reached(book, engine.submit("test-steps", {}, "After"), "done")
    assert book.get(second).attempt == 0


def test_two_visitors_are_served_one_job_at_a_time(engine: Engine, book: Ledger) -> None:
    ids: list[str] = []

    def visitor(name: str) -> None:
        asked = {"steps": 5, "seconds": 0.02}
        ids.extend(engine.submit("test-steps", asked, f"{name} {number}") for number in range(2))

    visitors = [threading.Thread(target=visitor, args=(name,)) for name in ("Ann", "Ben")]
    for thread in visitors:
        thread.start()
    for thread in visitors:
        thread.join()
    runs = sorted((reached(book, run_id, "done") for run_id in ids), key=lambda run: run.started or run.created)
    assert len(runs) == 4
    for earlier, later in pairwise(runs):
        assert earlier.finished is not None
        assert later.started is not None
        assert earlier.finished <= later.started


def test_two_servers_take_turns_on_a_device(engine: Engine, book: Ledger) -> None:
    other = Engine(book, None)
    try:
        held = engine.submit("test-steps", LONG, "Of one server")
        stepped(book, held)
        given_up = other.submit("test-steps", {}, "Given up while its worker waits")
        until(lambda: book.get(given_up).ticket > 0, "the other server has handed its job out")
        other.cancel(given_up)
        needs_none = other.submit("test-aside", {}, "Needs no device")
        waiting = other.submit("test-steps", {}, "Of the other server")
        reached(book, needs_none, "done")
        until(lambda: book.get(waiting).ticket > 0, "and the next one")
        assert book.get(waiting).state == "queued"
        assert book.get(held).state == "running"
        engine.cancel(held)
        first, then = reached(book, held, "cancelled"), reached(book, waiting, "done")
        assert first.finished is not None
        assert then.started is not None
        assert first.finished <= then.started
        assert book.get(given_up).attempt == 0
    finally:
        other.close()


@pytest.mark.parametrize(
    ("how", "sentence", "in_log"),
    [
        ("foreseen", r"^There is no memory left\. Choose a smaller batch\.$", "ResourceError"),
        ("unforeseen", r"unexpected error \(ValueError: a strange value\)\. Its log", "in break_down"),
        ("nonsense", "returned no result", "TypeError"),
    ],
)
def test_an_error_becomes_a_sentence_and_a_log(
    engine: Engine, book: Ledger, how: str, sentence: str, in_log: str
) -> None:
    run = reached(book, engine.submit("test-faulty", {"how": how}, "Break"), "failed")
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(run.error)
    assert in_log in read_log(run)
    engine.retry(run.id)
    again = reached(book, run.id, "done")
    assert (again.attempt, again.error, again.metrics) == (2, None, {"attempts": 2})


def test_a_killed_worker_is_replaced_once_and_others_do_not_suffer(engine: Engine, book: Ledger) -> None:
    once = engine.submit("test-faulty", {"how": "killed", "times": 1}, "Killed once")
    twice = engine.submit("test-faulty", {"how": "killed", "times": 2}, "Killed twice")
    innocent = engine.submit("test-steps", {}, "Innocent")
    survived = reached(book, once, "done", "failed")
    assert (survived.state, survived.attempt, survived.lost_workers) == ("done", 2, 1)
    failed = reached(book, twice, "done", "failed")
    assert (failed.state, failed.attempt, failed.lost_workers) == ("failed", 2, 2)
    assert failed.error is not None
    assert failed.error.startswith("The worker process was killed twice")
    beside = reached(book, innocent, "done", "failed")
    assert (beside.state, beside.attempt, beside.lost_workers) == ("done", 1, 0)


def test_a_paused_job_gives_its_device_back_and_goes_on_later(engine: Engine, book: Ledger) -> None:
    run_id = engine.submit("test-resumable", {"steps": 60, "seconds": 0.05}, "Long")
    stepped(book, run_id, 2)
    engine.pause(run_id)
    paused = reached(book, run_id, "paused")
    assert paused.attempt == 1
    reached(book, engine.submit("test-steps", {}, "Between"), "done")
    assert book.get(run_id).state == "paused"
    engine.resume(run_id)
    done = reached(book, run_id, "done")
    assert done.attempt == 2
    assert done.metrics["first"] >= 2
    assert "Paused at a checkpoint." in read_log(done)


def test_what_a_work_prints_blocks_nobody(engine: Engine, book: Ledger) -> None:
    reached(book, engine.submit("test-talkative", {"steps": 3000}, "Talk"), "done")


def test_a_request_that_cannot_be_is_never_queued(engine: Engine, book: Ledger) -> None:
    before = book.count()
    with pytest.raises(RequestError, match="Steps cannot be 0"):
        engine.submit("test-steps", {"steps": 0}, "None")
    with pytest.raises(UnknownNameError, match="There is no kind of job “knit”"):
        engine.submit("knit", {}, "Knit")
    with pytest.raises(RequestError, match="There is no run “unheard”"):
        engine.cancel("unheard")
    assert book.count() == before


def test_there_is_one_engine_and_it_listens_on_this_machine_only(engine: Engine, book: Ledger) -> None:
    assert engine is engine_of_process()
    reached(book, engine.submit("test-steps", {}, "Start"), "done")
    family = psutil.Process().children(recursive=True)
    listening = [
        connection.laddr.ip
        for process in family
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3
    assert set(listening) == {"127.0.0.1"}
    assert engine.problem is None


def test_workers_that_end_altogether_are_started_anew(engine: Engine, book: Ledger) -> None:
    run_id = engine.submit("test-resumable", {"steps": 40, "seconds": 0.05}, "Interrupted")
    stepped(book, run_id, 1)
    scheduler = engine._dispatcher._pool._workers._process  # type: ignore[union-attr]
    scheduler.kill()
    done = reached(book, run_id, "done", "failed")
    assert (done.state, done.lost_workers) == ("done", 1)
    assert done.metrics["first"] >= 1


def test_closing_stops_the_workers_and_marks_what_they_did(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    close_engine()
    others = set(psutil.Process().children(recursive=True))  # such as the dashboard of the browser tests
    first, never_used = Engine(book, None), Engine(book, None)
    monkeypatch.setattr("orthoui.jobs.pool.devices", lambda: ("cuda:0", "cuda:1"))
    pair = [first.submit("test-steps", {"steps": 20, "seconds": 0.05}, f"Device {number}") for number in range(2)]
    runs = [reached(book, run_id, "done") for run_id in pair]
    assert {run.metrics["ORTHOUI_DEVICE"] for run in runs} == {"cuda:0", "cuda:1"}
    monkeypatch.undo()
    run_id = first.submit("test-steps", LONG, "Running")
    stepped(book, run_id)
    family = set(psutil.Process().children(recursive=True)) - others
    assert len(family) >= 2
    never_used.close()
    first.close()
    first.close()
    until(lambda: not any(process.is_running() for process in family), "the workers are gone")
    assert book.get(run_id).state == "interrupted"
    second = Engine(book, None)
    assert [run.id for run in second.recover()] == [run_id]
    stepped(book, run_id)
    second.cancel(run_id)
    reached(book, run_id, "cancelled")
    second.close()
