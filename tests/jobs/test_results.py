"""Runs of methods as rows: values, gaps, speed, the front, and how long the next one will take."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orthoui.data import Dataset
from orthoui.jobs.results import (
    expected_seconds,
    finished,
    front,
    full_standard,
    gaps,
    left_out,
    row_of,
    standard,
    times,
)
from orthoui.ledger import Ledger, NewRun, Result, Run, ledger, new_id
from orthoui.models.trained import TrainedModel


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value, "high": value, "n": 100}


def record(
    model: TrainedModel,
    method: str,
    forgotten: float,
    kept: float,
    *,
    classes: tuple[int, ...] = (1,),
    seconds: float = 2.0,
    took: float = 10.0,
    settings: dict[str, Any] | None = None,
    images: str | None = None,
    **metrics: Any,
) -> Run:
    new = NewRun(
        kind="method",
        title=method,
        method=method,
        request={"classes": list(classes), "method": method, "settings": settings or {}, "relearn": False},
        model=model.name,
        model_digest=model.digest,
        architecture=model.card.architecture,
        dataset=model.card.dataset,
        data_digest=images,
    )
    measured = {
        "forget_test": estimate(forgotten),
        "retain_test": estimate(kept),
        "per_class": [estimate(kept), estimate(forgotten), None],
        "cost": {"samples": 7, "forward": 5, "backward": 3},
        **metrics,
    }
    started = datetime.now(UTC) - timedelta(seconds=took)
    result = Result(metrics=measured, timings={"optimisation": seconds}, model_digest=model.digest)
    return ledger().record(new, result, started=started)


@pytest.fixture
def model(model: TrainedModel) -> TrainedModel:
    """A model that no other test's runs belong to: all tests of jobs share one ledger."""
    return replace(model, digest=new_id(), card=model.card.model_copy(update={"architecture": new_id()}))


def test_a_row_holds_what_was_measured_and_leaves_out_what_was_not(model: TrainedModel) -> None:
    run = record(
        model, "ssd", 3.0, 90.0,
        distance={"mean": 0.25, "low": 0.2, "high": 0.3, "n": 9}, membership_a={"mean": 40.0},
        relearn={"steps": [10, 20], "capped": 1, "most_steps": 20, "target": 90.0}, retain_train=None,
    )  # fmt: skip
    row = row_of(run)
    expected = {"forget_test": 3.0, "retain_test": 90.0, "distance": 0.25, "membership_a": 40.0, "relearn": 15.0}
    assert dict(row.values) == expected
    assert (row.title, row.seconds, row.samples, row.passes, row.capped) == ("SSD", 2.0, 7, 8, True)
    assert row.per_class == (90.0, 3.0, None)
    assert not row.can_open


def test_the_latest_run_of_each_method_counts_and_others_on_request(model: TrainedModel, book: Ledger) -> None:
    record(model, "ssd", 50.0, 90.0)
    latest = record(model, "ssd", 1.0, 90.0)
    record(model, "scrub", 0.0, 91.0)
    record(model, "famr", 0.0, 99.0, classes=(2,))
    rows = finished(book, model, (1,))
    assert [row.run.method for row in rows] == ["scrub", "ssd"]
    assert rows[1].run.id == latest.id
    assert len(finished(book, model, (1,), every=True)) == 3


def test_gaps_and_speed_are_against_the_retrained_model(model: TrainedModel) -> None:
    retrained = row_of(record(model, "retrain", 0.0, 92.0, seconds=100.0, membership_a={"mean": 3.0}))
    row = row_of(record(model, "ssd", 3.0, 90.0, seconds=4.0))
    assert standard([row, retrained]) is retrained and standard([row]) is None
    assert gaps(row, retrained) == {"forget_test": 3.0, "retain_test": -2.0}
    assert times(row, retrained) == 25.0
    assert gaps(row, None) == {} and times(row, None) is None


def test_the_front_joins_what_no_other_beats_without_controls_and_retraining(model: TrainedModel) -> None:
    rows = [
        row_of(record(model, *measured))
        for measured in (
            ("ssd", 5.0, 92.0), ("scrub", 0.0, 90.0), ("famr", 5.0, 91.0), ("iau", 0.0, 88.0), ("salun", 20.0, 91.0),
            ("logit-mask", 0.0, 95.0), ("retrain", 0.0, 99.0),
        )
    ]  # fmt: skip
    assert [row.run.method for row in front(rows)] == ["scrub", "ssd"]
    assert front([]) == []


def test_expected_times_are_those_of_runs_with_the_same_settings(model: TrainedModel, book: Ledger) -> None:
    for took in (10.0, 30.0, 20.0):
        record(model, "ssd", 0.0, 90.0, took=took)
    record(model, "retrain", 0.0, 90.0, took=5.0, settings={"ready": True})
    found = expected_seconds(book, model, {}, relearn=False)
    assert found == {"ssd": pytest.approx(20.0, abs=1.0)}
    ready = expected_seconds(book, model, {"retrain": {"ready": True}, "ssd": {"selection": 3}}, relearn=False)
    assert ready == {"retrain": pytest.approx(5.0, abs=1.0)}
    assert expected_seconds(book, model, {}, relearn=True) == {}


def test_what_another_version_wrote_counts_as_not_measured(model: TrainedModel, book: Ledger) -> None:
    odd = record(
        model, "ssd", 0.0, 90.0, per_class=None, confusion="?", confidence=[0.5, None], cost={"samples": None},
        similarity_original={"forget": {"conv1": None, "fc": 0.5}, "retain": 3}, forget_test={"value": None},
    )  # fmt: skip
    (row,) = finished(book, model, (1,))
    assert row.run.id == odd.id
    assert (row.per_class, row.confusion, row.confidence, row.samples) == ((), (), (0.5, None), 0)
    assert row.similarity("similarity_original") == {"forget": {"fc": 0.5}}
    assert row.similarity("similarity_retrained") == {}
    assert dict(row.values) == {"retain_test": 90.0}
    assert front([row]) == []


def test_the_standard_is_the_latest_retrained_model(model: TrainedModel) -> None:
    runs = [row_of(record(model, "retrain", value, 92.0)) for value in (0.0, 3.0, 1.0)]
    assert standard(runs) is runs[-1] is standard(runs[::-1])
    trial = row_of(record(model, "retrain", 40.0, 60.0, settings={"epochs": 1}))
    assert standard([*runs, trial]) is runs[-1]
    assert standard([trial]) is trial


def test_equals_are_all_on_the_front(model: TrainedModel) -> None:
    rows = [row_of(record(model, name, 0.0, 90.0)) for name in ("ssd", "scrub")]
    assert len(front(rows)) == 2


def test_a_shortened_retrain_never_takes_the_place_of_a_full_one(model: TrainedModel, book: Ledger) -> None:
    assert full_standard(book, model, (1,)) is None
    trial = {"epochs": 1}
    record(model, "retrain", 30.0, 50.0, seconds=5.0, settings=trial)
    assert full_standard(book, model, (1,)) is None
    full = record(model, "retrain", 0.0, 92.0, seconds=600.0)
    record(model, "retrain", 0.0, 60.0, seconds=10.0, settings=trial)
    pruned = row_of(record(model, "ssd", 0.0, 90.0, seconds=6.0))
    for every in (False, True):
        against = standard(finished(book, model, (1,), every=every))
        assert against is not None and against.run.id == full.id
        assert gaps(pruned, against)["retain_test"] == -2.0 and times(pruned, against) == 100.0
    found = full_standard(book, model, (1,))
    assert found is not None and found.run.id == full.id
    assert [row.run.method for row in finished(book, model, (1,))].count("retrain") == 1


def test_runs_on_other_images_are_no_rows_beside_those_of_today(
    model: TrainedModel, book: Ledger, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainedModel, "data", lambda self: data)
    today, unknown = record(model, "ssd", 0.0, 90.0, images=data["train"].digest), record(model, "famr", 0.0, 80.0)
    other = record(model, "scrub", 0.0, 99.0, images="others")
    assert {row.run.id for row in finished(book, model, (1,))} == {today.id, unknown.id}
    assert left_out(book, model, (1,)) == 1
    assert row_of(other).values["retain_test"] == 99.0  # it still opens


def test_what_measuring_took_is_no_part_of_the_cost(model: TrainedModel) -> None:
    run = record(model, "ssd", 0.0, 90.0, seconds=2.0)
    measured = run.model_copy(update={"timings": {**run.timings, "evaluation": 50.0}})
    assert row_of(measured).seconds == 2.0 and measured.working_seconds == 2.0
    assert measured.seconds == 52.0


def test_what_is_measured_afterwards_counts_at_once(model: TrainedModel) -> None:
    run, other = record(model, "ssd", 3.0, 90.0), record(model, "fine-tune", 9.0, 90.0)

    def distances() -> list[float | None]:
        return [row.values.get("distance") for row in finished(ledger(), model, (1,))]

    assert distances() == [None, None]
    ledger().add_metrics(run.id, {"distance": {"mean": 0.25, "low": 0.2, "high": 0.3, "n": 9}})
    assert distances() == [0.25, None]
    ledger().add_metrics(run.id, {"distance": {"mean": 0.5, "low": 0.2, "high": 0.6, "n": 9}})
    assert distances() == [0.5, None]
    ledger().delete([other.id])
    assert distances() == [0.5]
