"""A scheduler and workers on loopback, each a process of its own, as people start them; and jobs sent to them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from orthoui.bench.server import free_port
from orthoui.errors import SchedulerError
from orthoui.jobs.cluster import QUIET
from orthoui.jobs.engine import Engine
from orthoui.ledger import Ledger, Run

Found = TypeVar("Found")

LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 1200.0
WARM_UPS = 10
LOCAL = ("--host", "127.0.0.1", "--no-dashboard")


@dataclass(frozen=True)
class Job:
    """Something to queue: a kind of work, its request, and what it is in words."""

    kind: str
    payload: BaseModel
    title: str


@dataclass(frozen=True)
class Cluster:
    """Worker processes, and the engine and ledger of their jobs."""

    processes: tuple[subprocess.Popen[bytes], ...]
    engine: Engine
    ledger: Ledger

    def submit(self, job: Job) -> str:
        """Queue a job and return the id of its run."""
        return self.engine.submit(job.kind, job.payload, job.title)

    def runs(self, ids: Sequence[str]) -> list[Run]:
        """Return these runs as they are now."""
        return [self.ledger.get(run_id) for run_id in ids]

    def ended(self, ids: Sequence[str]) -> list[Run]:
        """Wait until these runs have ended, and return them. Raises ``SchedulerError``."""

        def look() -> list[Run] | None:
            runs = self.runs(ids)
            return runs if all(run.ended for run in runs) else None

        return until(look, "all jobs had ended")

    def kill(self, worker: str) -> None:
        """Kill (SIGKILL) the worker of that name. Raises ``SchedulerError`` when it is none of these."""
        _, number, _ = worker.split(":")
        for process in self.processes:
            if process.pid == int(number):
                process.kill()
                return
        raise SchedulerError(f"There is no worker {worker}.")

    def warm_up(self, job: Job) -> None:
        """Let every worker do the job once, so that it has loaded what jobs of that kind need.

        Raises ``SchedulerError`` when it fails, or a worker does not come.
        """
        warm: set[str | None] = set()
        for _ in range(WARM_UPS):
            for run in self.ended([self.submit(job) for _ in self.processes]):
                if run.state != "done":
                    raise SchedulerError(f"“{job.title}” is {run.state}: {run.error}")
                warm.add(run.worker)
            if len(warm) == len(self.processes):
                return
        raise SchedulerError(f"Only {len(warm)} of {len(self.processes)} workers took a job.")


@contextmanager
def loopback_cluster(home: Path, device: str, workers: int, threads: int | None = None) -> Iterator[Cluster]:
    """Start a scheduler and workers with a home folder of their own for the length of a block.

    ``threads`` of every worker's computing; None leaves that to the libraries. The person's own settings, and with
    them the person's ledger, are left alone.
    """
    home.mkdir(parents=True, exist_ok=True)
    address = f"tcp://127.0.0.1:{free_port()}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ORTHOUI_")}
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = kept | QUIET | {"PYTHONPATH": paths, "ORTHOUI_HOME": str(home), "ORTHOUI_DEVICE": device}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)

    def start(program: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", f"distributed.cli.dask_{program}", *options, *LOCAL]
        with (home / f"{program}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process

    with ExitStack() as stack:
        start("scheduler", "--port", address.rpartition(":")[2])
        options = (address, "--no-nanny", "--nthreads", "1", "--local-directory", str(home / "scratch"))
        processes = tuple(start("worker", *options) for _ in range(workers))
        book = stack.enter_context(closing(Ledger(home / "ledger.sqlite")))
        yield Cluster(processes, stack.enter_context(closing(Engine(book, address))), book)


def until(look: Callable[[], Found | None], what: str, every: float = LOOK_SECONDS) -> Found:
    """Look every so many seconds until something is there; return it. Raises ``SchedulerError`` when it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(every)
    raise SchedulerError(f"The time was up after {PATIENCE_SECONDS:.0f} s before {what}.")
