"""What a job costs beside its work: the time from the queue to its first step."""

import time
from pathlib import Path

from orthoui.bench.promises import QUEUE_ROW
from orthoui.bench.rows import Row, described, median
from orthoui.bench.unlearning import FORGET
from orthoui.bench.workers import Cluster, Job, loopback_cluster, until
from orthoui.errors import SchedulerError
from orthoui.jobs.method import MethodRun
from orthoui.ledger import Run

LOOK_SECONDS = 0.01


def training_job(model: str) -> Job:
    """Return a job that trains from its first step on; what it measures afterwards is of no interest."""
    run = MethodRun(model=model, method="fine-tune", classes=FORGET)
    return Job("method", run, "Fine-tune")


def overhead(job: Job, device: str, home: Path, repeats: int) -> Row:
    """Queue the job again and again for a worker that has done it once, and time its first step.

    Raises ``SchedulerError`` when the worker does not come, or the job fails.
    """
    with loopback_cluster(home, device, workers=1) as cluster:
        seconds = [first_step(cluster, job) for _ in range(repeats + 1)]
    return overhead_row(seconds[1:])


def first_step(cluster: Cluster, job: Job) -> float:
    """Return the seconds from queueing a job until its first step is told; the job is cancelled then."""
    started = time.perf_counter()
    run_id = cluster.submit(job)

    def begun() -> Run | None:
        run = cluster.ledger.get(run_id)
        return run if run.ended or (run.progress is not None and run.progress.step > 0) else None

    run = until(begun, "the first step of a job", LOOK_SECONDS)
    seconds = time.perf_counter() - started
    if run.state == "failed":
        raise SchedulerError(f"“{job.title}” failed: {run.error}")
    cluster.engine.cancel(run_id)
    cluster.ended([run_id])
    return seconds


def overhead_row(seconds: list[float]) -> Row:
    """Turn the seconds from the queue to the first step into the row."""
    how = (
        f"{described(seconds, 's', 'jobs one after the other')}; from asking for the job until its first training "
        "step is in the ledger, that step included; scheduler and worker on loopback, the worker knows the job"
    )
    return QUEUE_ROW.measured(median(seconds), how)
