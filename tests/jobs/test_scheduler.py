"""A cluster by its address: a scheduler and two workers, each a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from orthoui.bench.server import free_port
from orthoui.jobs import pool
from orthoui.jobs.engine import Engine
from orthoui.ledger import Ledger
from tests.jobs.waiting import reached, stepped, until

ROOT = str(Path(__file__).resolve().parents[2])
PROGRAMS = "from distributed.cli import dask_{0} as program; program.main()"


@pytest.fixture(scope="module")
def cluster(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The scheduler's address, and two workers with two threads each, as people start them."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    tmp_path = tmp_path_factory.mktemp("cluster")

    def start(program: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", PROGRAMS.format(program), "--host", "127.0.0.1", *options, "--no-dashboard"]
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": ROOT})
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process

    with ExitStack() as stack:
        start("scheduler", "--port", str(port))
        folder = str(tmp_path / "scratch")
        options = (address, "--no-nanny", "--nthreads", "2", "--local-directory", folder)
        yield address, [start("worker", *options) for _ in range(2)]


def test_a_server_that_stops_leaves_the_workers_of_a_cluster_at_work(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], book: Ledger
) -> None:
    engine = Engine(book, cluster[0])
    run_id = engine.submit("test-steps", {"steps": 40, "seconds": 0.05}, "Goes on")
    stepped(book, run_id, 2)
    engine.close()
    assert book.get(run_id).state == "running"
    other = Engine(book, cluster[0])
    assert other.recover() == []
    run = reached(book, run_id, "done", "failed")
    assert (run.state, run.attempt) == ("done", 1)
    assert psutil.pid_exists(int((run.worker or "").split(":")[1]))
    other.close()


def test_a_comparison_survives_the_death_of_a_worker(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], book: Ledger
) -> None:
    address, workers = cluster
    engine = Engine(book, address)
    asked = {"steps": 60, "seconds": 0.05}
    ids = [engine.submit("test-steps", asked, f"Method {number}", group="six") for number in range(6)]
    first, second = stepped(book, ids[0], 2), stepped(book, ids[1], 2)
    assert first.worker != second.worker
    assert book.get(ids[2]).state == "queued"
    killed = int((first.worker or "").split(":")[1])
    assert killed in {process.pid for process in workers}
    os.kill(killed, signal.SIGKILL)
    runs = [reached(book, run_id, "done", "failed") for run_id in ids]
    assert [run.state for run in runs] == ["done"] * 6
    assert sum(run.lost_workers for run in runs) == 1
    assert {run.attempt for run in runs} == {1, 2}
    engine.close()


def test_a_scheduler_that_is_not_there_is_waited_for(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CONNECT_SECONDS", 0.5)
    engine = Engine(book, f"tcp://127.0.0.1:{free_port()}")
    run_id = engine.submit("test-steps", {}, "Waiting")
    until(lambda: engine.problem, "the problem is told")
    assert "does not answer" in str(engine.problem)
    assert "correct ORTHOUI_SCHEDULER" in str(engine.problem)
    assert book.get(run_id).state == "queued"
    assert engine.cancel(run_id).state == "cancelled"
    engine.close()


def test_an_address_that_is_none(book: Ledger) -> None:
    engine = Engine(book, "carrier-pigeon://roof")
    run_id = engine.submit("test-steps", {}, "Waiting")
    until(lambda: engine.problem, "the problem is told")
    assert "does not answer" in str(engine.problem)
    engine.cancel(run_id)
    engine.close()
