"""Jobs in this process, as the command line does them, and the small parts below."""

import errno
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from orthoui.errors import (
    CancelledError,
    LedgerError,
    OrthoError,
    RequestError,
    ResourceError,
    SupersededError,
    UnknownNameError,
)
from orthoui.jobs import execute as execute_module
from orthoui.jobs.context import Context, read_log
from orthoui.jobs.execute import execute, in_words, run_here
from orthoui.jobs.lost import SILENT, abandoned, worker_lost
from orthoui.jobs.process import close_server, gone, here, open_server
from orthoui.jobs.speed import Speed
from orthoui.jobs.watch import Watch
from orthoui.jobs.work import WORKS, find_work
from orthoui.ledger import Attempt, Ledger, NewRun, Progress, Run
from orthoui.ledger.rows import now
from tests.jobs.waiting import until
from tests.jobs.works import Steps, count


def claimed(book: Ledger, title: str = "Claimed") -> Attempt:
    run = book.queue.add(NewRun(kind="test-steps", title=title), server=None)
    attempt = book.queue.start(run.id, 0, worker=here(), folder="")
    assert attempt is not None
    return attempt


def test_a_run_here_is_recorded_like_any_other(book: Ledger) -> None:
    seen: list[Progress] = []
    run = run_here("test-steps", Steps(steps=4), "Here", show=seen.append)
    assert (run.state, run.attempt, run.metrics["counted"]) == ("done", 1, 4)
    assert run.metrics["pid"] == os.getpid()
    assert run.worker == here()
    assert run.server is None
    assert [progress.step for progress in seen] == [0, 1, 2, 3, 4]
    assert run.progress == seen[-1]
    assert "Counted to 4." in read_log(run)


def test_an_error_here_is_recorded_and_raised(book: Ledger) -> None:
    with pytest.raises(ResourceError, match="no memory left"):
        run_here("test-faulty", {"how": "foreseen"}, "Broken")
    run = book.find()[0]
    assert (run.title, run.state) == ("Broken", "failed")
    assert run.error == "There is no memory left. Choose a smaller batch."


def test_a_full_disk_is_named_with_what_to_do(home: Path) -> None:
    said = in_words(OSError(errno.ENOSPC, "No space left on device"))
    assert said.startswith(f"There is no room left on the disk of {home}. Free some space there")
    said = in_words(OSError(errno.EDQUOT, "Disk quota exceeded", "/elsewhere/models/.mine.tmp"))
    assert said.startswith("There is no room left on the disk of /elsewhere/models. ")
    assert "unexpected error" in in_words(OSError(errno.EIO, "Input/output error"))


def test_the_keyboard_cancels(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Context, "check", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run_here("test-steps", {}, "Stopped")
    assert book.find()[0].state == "cancelled"


def test_a_run_here_can_be_cancelled_from_elsewhere(book: Ledger) -> None:
    def cancel(progress: Progress) -> None:
        if progress.step == 1:
            book.queue.cancel(book.find()[0].id)

    with pytest.raises(CancelledError):
        run_here("test-steps", {"steps": 1000, "seconds": 0.02}, "Cancelled", show=cancel)
    assert book.find()[0].state == "cancelled"


def test_a_superseded_worker_stops_and_changes_nothing(book: Ledger) -> None:
    def take_away(progress: Progress) -> None:
        if progress.step == 1:
            assert book.queue.adopt(book.find()[0], None)

    with pytest.raises(SupersededError):
        run_here("test-steps", {"steps": 1000, "seconds": 0.02}, "Taken away", show=take_away)
    run = book.find()[0]
    assert (run.state, run.metrics) == ("interrupted", {})
    assert "given up" in read_log(run)


def test_an_end_that_comes_too_late_is_not_stored(book: Ledger) -> None:
    def take_away(progress: Progress) -> None:
        if progress.step == 3:
            assert book.queue.adopt(book.find()[0], None)

    with pytest.raises(SupersededError):
        run_here("test-steps", {"steps": 3, "seconds": 0}, "Late", show=take_away)
    assert book.find()[0].state == "interrupted"


def test_nothing_happens_without_a_claim(book: Ledger) -> None:
    run = book.queue.add(NewRun(kind="test-steps", title="Cancelled"), server=None)
    book.queue.cancel(run.id)
    assert execute(run.id, 0) is None
    assert book.get(run.id).attempt == 0


def test_a_result_outlives_a_ledger_that_is_away_for_a_moment(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute_module, "RETRY_SECONDS", (0.01, 0.01))
    finish, failures = Attempt.finish, iter([LedgerError("away"), LedgerError("away")])

    def unreliable(self: Attempt, *args: object) -> None:
        for failure in failures:
            raise failure
        finish(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Attempt, "finish", unreliable)
    assert run_here("test-steps", {}, "Insists").state == "done"


def test_a_folder_that_cannot_be_made_fails_the_run(book: Ledger, home: Path) -> None:
    run = book.queue.add(NewRun(kind="test-steps", title="No folder"), server=None)
    (home / "runs").mkdir(parents=True, exist_ok=True)
    (home / "runs" / run.id).write_text("in the way")
    assert isinstance(execute(run.id, 0), OSError)
    assert "cannot be made (File exists). Make it writable, or set ORTHOUI_HOME" in str(book.get(run.id).error)


def test_a_work_is_found_by_the_module_that_registers_it() -> None:
    assert find_work("test-steps").function is count
    assert find_work("test-steps", "not.even.looked.for").module == "tests.jobs.works"
    with pytest.raises(UnknownNameError, match="There is no kind of job “knit”"):
        find_work("knit", "tests.jobs.works")
    with pytest.raises(OrthoError, match="does not know how to “knit”: no_such_module cannot be imported there"):
        find_work("knit", "no_such_module")
    assert WORKS["test-resumable"].pausable
    assert not WORKS["test-steps"].pausable


def test_time_left_follows_the_measured_speed() -> None:
    clock = iter([0.0, 10.0, 12.0, 14.0, 60.0, 62.0, 100.0, 104.0])
    speed = Speed(clock=lambda: next(clock))
    assert speed.seconds_left(0, 100) is None
    assert speed.seconds_left(1, 100) == pytest.approx(990)
    assert speed.seconds_left(11, 100) == pytest.approx(89 * 12 / 11)
    assert speed.seconds_left(21, 100) == pytest.approx(79 * 14 / 21)
    assert speed.seconds_left(67, 100) == pytest.approx(33 * 46 / 46)  # the slow first step is forgotten
    assert speed.seconds_left(67, 100) == pytest.approx(33 * 48 / 46)
    assert speed.seconds_left(0, 100) is None  # the next stage
    assert speed.seconds_left(1, 100) == pytest.approx(396)


def test_a_process_is_told_from_a_later_one_of_its_number() -> None:
    host, number, started = here().split(":")
    assert gone(here()) is False
    assert gone(f"{host}:{number}:{int(started) - 60}") is True
    assert gone(f"not-{host}:{number}:{started}") is None
    assert gone(None) is True
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    name = f"{host}:{ended.pid}:{time.time():.0f}"
    until(lambda: gone(name), "an ended process is gone before anybody has asked for its code")
    ended.wait()
    assert gone(name) is True


def run_with(book: Ledger, **fields: object) -> Run:
    return claimed(book).run.model_copy(update=fields)


def test_which_runs_are_abandoned(book: Ledger) -> None:
    host = here().split(":")[0]
    alive, dead, far = here(), f"{host}:1:1", "other-host:2:2"
    silent, quiet = now() - 3 * SILENT, now() - SILENT - timedelta(seconds=1)

    def lost(**fields: object) -> bool:
        return abandoned(run_with(book, **({"heartbeat": now()} | fields)))

    mine = open_server()
    assert not lost(server=mine, worker=dead)
    close_server(mine)
    assert lost(server=mine, worker=dead)
    assert lost(server=dead, worker=dead)
    assert not lost(server=dead, worker=alive)
    assert not lost(server=dead, worker=far)
    assert lost(server=dead, worker=far, heartbeat=quiet)
    assert not lost(server=alive.replace(host, "other-host"), worker=far, heartbeat=quiet)
    assert lost(server=far, worker=far, heartbeat=silent)
    assert lost(server=None, worker=dead)
    assert not lost(server=None, worker=alive)
    assert lost(state="queued", server=dead, worker=None)
    assert not lost(state="queued", server=far, worker=None)
    assert lost(state="queued", server=far, worker=None, heartbeat=silent)
    assert not lost(state="queued", server=None, worker=None)
    assert lost(state="queued", server=None, worker=None, heartbeat=silent)
    assert worker_lost(run_with(book, worker=far, heartbeat=quiet))
    assert not worker_lost(run_with(book, worker=alive, heartbeat=silent))


def test_a_watch_writes_seldom_and_ends_a_process_only_where_it_may(book: Ledger) -> None:
    attempt, left = claimed(book), threading.Event()
    beats: list[Progress | None] = []
    attempt.beat = lambda progress=None: (beats.append(progress), Attempt.beat(attempt, progress))[1]  # type: ignore[method-assign]
    with Watch(attempt, leave=left.set, show=None) as watch:
        for step in range(1000):
            watch.report(Progress(step=step, steps=1000))
            time.sleep(0.001)
        assert len(beats) <= 5
        book.queue.cancel(attempt.run.id)
        until(lambda: watch.action == "cancel", "the cancel is heard", 2)
        assert left.wait(3)
    assert book.get(attempt.run.id).state == "cancelled"

    stays = claimed(book)
    with Watch(stays, leave=None, show=None) as watch:
        book.queue.cancel(stays.run.id)
        until(lambda: watch.action == "cancel", "the cancel is heard", 2)
        time.sleep(1.5)
    assert book.get(stays.run.id).state == "running"


def test_the_log_is_cut_at_a_line_when_it_is_long(book: Ledger, tmp_path: Path) -> None:
    run = claimed(book).run.model_copy(update={"folder": str(tmp_path)})
    assert read_log(run) == ""
    assert read_log(run.model_copy(update={"folder": None})) == ""
    watch = Watch(claimed(book), leave=None, show=None)
    context = Context(run, tmp_path, watch)
    context.log("first\nsecond \udc80")
    first, second = read_log(run).splitlines()
    assert first.endswith("  first")
    assert second.endswith("  second ?")
    context.log("\n".join(["x" * 100] * 3000))
    assert len(read_log(run)) <= 200_000
    assert read_log(run).startswith("20")
    (tmp_path / "log.txt").unlink()
    (tmp_path / "log.txt").mkdir()
    context.log("nowhere to write")


def test_loading_jobs_and_ledger_does_not_load_dask_or_torch() -> None:
    program = (
        "import sys, orthoui.jobs.engine, orthoui.ledger; "
        "print([name for name in ('distributed', 'dask', 'torch', 'alembic', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_memory_is_kept_while_a_job_runs_and_given_back_by_a_worker(
    book: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(execute_module, "keep_memory", lambda: told.append("keep"))
    monkeypatch.setattr(execute_module, "release_memory", lambda: told.append("release"))
    run_here("test-steps", Steps(steps=1), "Kept")
    assert told == ["keep"]
    monkeypatch.setattr("distributed.get_worker", lambda: type("Worker", (), {"nanny": None}))
    run = book.queue.add(NewRun(kind="test-steps", title="Given back", request={"steps": 1}), server=None)
    execute_module.on_worker(run.id, run.ticket)
    assert book.get(run.id).state == "done"
    assert told == ["keep", "keep", "release"]


def test_a_worker_with_a_ledger_of_its_own_names_what_to_set(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distributed.get_worker", lambda: type("Worker", (), {"nanny": None}))
    with pytest.raises(RequestError, match=r"ledger.sqlite on .* does not know it. Set ORTHOUI_DB to the same"):
        execute_module.on_worker("20260101-000000000000-aaaaaa", 1)


def test_parts_without_steps_say_nothing_of_the_time_left(book: Ledger, tmp_path: Path) -> None:
    context = Context(book.find(limit=1)[0], tmp_path, Watch(claimed(book), leave=None, show=None))
    clock = iter([0.0, 10.0, 20.0])
    context._speed = Speed(clock=lambda: next(clock))
    context.progress(0, 2, share=0.0)
    context.progress(1, 2, share=0.5)
    newest = context._watch.progress
    assert newest is not None and newest.seconds_left == pytest.approx(10)
    context.progress(0, 0, message="Measuring", share=0.9)
    newest = context._watch.progress
    assert newest is not None and (newest.share, newest.seconds_left) == (0.9, None)


def test_progress_of_unlike_steps_says_how_much_is_done() -> None:
    assert Progress(step=3, steps=4).share == 0.75
    assert Progress(step=3, steps=4, part=0.1).share == 0.1
