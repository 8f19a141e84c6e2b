"""A comparison that loses a worker, and jobs from the queue to their first step: arithmetic, and real processes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthoui.bench import cluster, queueing
from orthoui.bench.cluster import Proof, ideal_seconds, proof_row
from orthoui.bench.workers import Job, loopback_cluster
from orthoui.errors import SchedulerError
from orthoui.jobs.method import MethodRun, request_of
from orthoui.ledger import Run
from orthoui.models.trained import TrainedModel
from tests.jobs.works import Fault, Steps

START = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "killed_after", "ideal"),
    [
        ([10] * 6, 15, 50),  # the lost worker ends one, the other does five
        ([10] * 6, 30, 30),  # three each
        ([10] * 6, 60, 30),  # more than its share would not help
        ([10] * 6, 0, 60),
        ([10, 8, 12, 9, 11, 10], 15, 48),  # of all jobs that fit, the longest
        ([4, 7, 20], 11, 20),  # two that fit together
    ],
)
def test_the_ideal_is_the_best_way_to_share_the_jobs(seconds: list[float], killed_after: float, ideal: float) -> None:
    assert ideal_seconds(seconds, killed_after) == ideal


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=6), st.floats(0, 300))
def test_the_ideal_lies_between_one_worker_and_two(seconds: list[float], killed_after: float) -> None:
    ideal = ideal_seconds(seconds, killed_after)
    assert sum(seconds) / 2 - 1e-6 <= ideal <= sum(seconds)
    assert ideal_seconds(seconds, killed_after + 1) <= ideal


def ran(begin: float, end: float, worker: str, **fields: object) -> Run:
    known = {
        "kind": "method",
        "title": "A method",
        "id": "a",
        "state": "done",
        "request_digest": "d",
        "created": START,
        "started": START + timedelta(seconds=begin),
        "finished": START + timedelta(seconds=end),
        "worker": worker,
    }
    return Run.model_validate({**known, **fields})


def proof(*runs: Run) -> Proof:
    return Proof(runs, START, START + timedelta(seconds=15), "host:1:1")


def test_the_time_is_compared_with_the_ideal() -> None:
    done = [ran(0, 10, "host:1:1"), ran(1, 11, "host:2:2"), ran(12, 22, "host:2:2", lost_workers=1)]
    row = proof_row(proof(*done), 1)
    assert row.value == pytest.approx(22 / 20)
    assert row.met is True
    assert "all 3 results arrived, done again: 1" in row.how
    assert "the jobs of the worker that stayed add up to 20.0 s" in row.how
    assert proof_row(proof(*done[:2], ran(14, 24, "host:2:2")), 1).met is False


def test_a_result_that_is_lost_is_no_measurement() -> None:
    row = proof_row(proof(ran(0, 10, "host:1:1"), ran(1, 11, "host:2:2", state="failed", title="SSD")), 1)
    assert (row.value, row.met) == (None, None)
    assert row.reason == "1 of 2 results arrived; “SSD” is failed"


def test_the_six_methods_take_their_settings(model: TrainedModel) -> None:
    jobs = cluster.comparison(model.name)
    assert len(jobs) == len({job.title for job in jobs}) == 6
    for job in jobs:
        assert isinstance(job.payload, MethodRun)
        request = request_of(job.payload, model)
        assert job.payload.settings.items() <= request.model_dump().items()


def test_a_comparison_survives_a_killed_worker(home: Path) -> None:
    with loopback_cluster(home, "cpu", 2, 1) as workers:
        workers.warm_up(Job("test-steps", Steps(steps=1), "Warm up"))
        jobs = [Job("test-steps", Steps(steps=20, seconds=0.05), f"Job {number}") for number in range(6)]
        result = cluster.prove(workers, jobs)
        alive = [process.poll() is None for process in workers.processes]
        with pytest.raises(SchedulerError, match="There is no worker host:1:1"):
            workers.kill("host:1:1")
    assert sorted(alive) == [False, True]
    assert [run.state for run in result.runs] == ["done"] * 6
    assert sum(run.lost_workers for run in result.runs) == 1
    assert {run.worker for run in result.runs if run.finished and run.finished > result.killed} != {result.victim}
    assert 0 < result.killed_after < result.total
    row = proof_row(result, 1)
    assert row.value is not None and row.value >= 1
    assert "done again: 1" in row.how
    assert not any(process.poll() is None for process in workers.processes)


def test_jobs_are_timed_to_their_first_step(home: Path) -> None:
    row = queueing.overhead(Job("test-steps", Steps(steps=400, seconds=0.05), "Steps"), "cpu", home / "one", 2)
    assert row.value is not None and row.value > 0
    assert row.how.startswith("n = 2 jobs")
    assert queueing.overhead_row([0.9, 1.0, 1.2]).met is True
    assert queueing.overhead_row([1.1]).met is False


def test_a_job_that_fails_is_said(home: Path) -> None:
    with pytest.raises(SchedulerError, match="“Broken” failed: There is no memory left"):
        queueing.overhead(Job("test-faulty", Fault(how="foreseen"), "Broken"), "cpu", home, 1)
    assert queueing.training_job("a-model").payload == MethodRun(model="a-model", method="fine-tune", classes=(0,))
