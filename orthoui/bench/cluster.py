"""A comparison on a cluster that loses a worker: do all results arrive, and how much time is lost beside the work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

from orthoui.bench.promises import CLUSTER_ROW
from orthoui.bench.rows import Row, amount, median
from orthoui.bench.unlearning import FORGET
from orthoui.bench.workers import Cluster, Job, loopback_cluster, until
from orthoui.jobs.method import MethodRun
from orthoui.ledger import Run
from orthoui.methods import METHODS

COMPARED: dict[str, dict[str, Any]] = {
    "gradient-ascent": {"epochs": 3, "stop_at_chance": False},
    "boundary-expand": {"epochs": 3},
    "famr": {"epochs": 3, "stop_at_chance": False},
    "dfmu-style": {"epochs": 3, "repair_share": 0.11},
    "bad-teacher": {"epochs": 1, "retain_share": 0.1},
    "nabla-tau": {"epochs": 2},
}
"""Six methods with settings that let them take about as long as each other."""
WORKERS = 2


@dataclass(frozen=True)
class Proof:
    """The runs of a comparison as they ended, when it was begun, and when which worker was killed."""

    runs: tuple[Run, ...]
    begun: datetime
    killed: datetime
    victim: str

    @property
    def seconds(self) -> list[float]:
        """How long every job took, in its last attempt."""
        return [seconds_of(run) for run in self.runs]

    @property
    def total(self) -> float:
        """Seconds from the beginning until the last result was there."""
        return max((run.finished - self.begun).total_seconds() for run in self.runs if run.finished)

    @property
    def killed_after(self) -> float:
        """Seconds from the beginning until the worker was killed."""
        return (self.killed - self.begun).total_seconds()


def comparison(model: str) -> list[Job]:
    """Return the jobs of the six methods."""
    return [method_job(model, name, settings) for name, settings in COMPARED.items()]


def method_job(model: str, name: str, settings: dict[str, Any]) -> Job:
    """Return the job of a method, all measurements of its result included."""
    run = MethodRun(model=model, method=name, classes=FORGET, settings=settings)
    return Job("method", run, METHODS[name].title)


def killed_half_way(model: str, home: Path) -> Row:
    """Measure the comparison on the processor, its cores shared by two workers. Raises ``SchedulerError``."""
    threads = max(1, torch.get_num_threads() // WORKERS)
    with loopback_cluster(home, "cpu", WORKERS, threads) as cluster:
        cluster.warm_up(method_job(model, "logit-mask", {}))
        return proof_row(prove(cluster, comparison(model)), threads)


def prove(cluster: Cluster, jobs: Sequence[Job]) -> Proof:
    """Queue the jobs, kill a worker (SIGKILL) half-way through them, and wait until all have ended.

    Half-way: a third of them are done and one more is half done, so that both workers together have had about as
    much time as half the jobs take them. Raises ``SchedulerError``.
    """
    begun = datetime.now(UTC)
    ids = [cluster.submit(job) for job in jobs]
    victim = until(lambda: _victim(cluster.runs(ids)), "half of the jobs were done")
    cluster.kill(victim)
    killed = datetime.now(UTC)
    return Proof(tuple(cluster.ended(ids)), begun, killed, victim)


def _victim(runs: Sequence[Run]) -> str | None:
    """Return the worker to kill, or None while it is too early."""
    done = [seconds_of(run) for run in runs if run.state == "done"]
    if len(done) < len(runs) // 3:
        return None
    running = [run for run in runs if run.state == "running" and _age(run) >= median(done) / 2]
    return running[0].worker if running else None


def _age(run: Run) -> float:
    return 0.0 if run.started is None else (datetime.now(UTC) - run.started).total_seconds()


def seconds_of(run: Run) -> float:
    """Return how long the last attempt of a run took, 0 for one that has not ended."""
    if run.started is None or run.finished is None:
        return 0.0
    return (run.finished - run.started).total_seconds()


def ideal_seconds(seconds: Sequence[float], killed_after: float) -> float:
    """Return the shortest time in which two workers can do jobs of these lengths when one is gone after a while.

    A job belongs to one worker from its beginning to its end; one that the lost worker cannot end in time has to be
    done by the other. Of all ways to share the jobs, the lost worker's adding up to ``killed_after`` at most, the one
    whose slower worker is done first: nothing that hands out, moves or waits is in it, and what is lost is foreseen.
    """
    total = sum(seconds)
    shares = (sum(part) for count in range(len(seconds) + 1) for part in combinations(seconds, count))
    return min(max(total - share, share) for share in shares if share <= killed_after)


def proof_row(proof: Proof, threads: int) -> Row:
    """Turn the runs into the ratio of the time they took to the ideal; without all results nothing was measured."""
    runs, seconds = proof.runs, proof.seconds
    lost = [run for run in runs if run.state != "done"]
    if lost:
        arrived = len(runs) - len(lost)
        return CLUSTER_ROW.missing(f"{arrived} of {len(runs)} results arrived; “{lost[0].title}” is {lost[0].state}")
    ideal = ideal_seconds(seconds, proof.killed_after)
    survivor = sum(seconds_of(run) for run in runs if run.worker != proof.victim)
    how = (
        f"n = 1 comparison of {len(runs)} jobs ({', '.join(run.title for run in runs)}), evaluation included, with "
        f"{threads} threads per worker; all {len(runs)} results arrived, done again: "
        f"{sum(run.lost_workers for run in runs)}; killed after {amount(proof.killed_after, 's')}, all done after "
        f"{amount(proof.total, 's')}, ideal "
        f"{amount(ideal, 's')}: the shortest time in which two workers could do these jobs, of {min(seconds):.1f} to "
        f"{amount(max(seconds), 's')} each, when one of them is gone from that moment on and it is known beforehand; "
        f"the jobs of the worker that stayed add up to {amount(survivor, 's')}"
    )
    return CLUSTER_ROW.measured(proof.total / ideal, how)
