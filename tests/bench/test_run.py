"""The whole benchmark with sizes so small that it only shows that everything is measured and said."""

import builtins
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import TimeoutError
from typer.testing import CliRunner

from orthoui.bench import browser as finding
from orthoui.bench import (
    cluster,
    core,
    live,
    queueing,
    retraining,
    run,
    sessions,
    stepping,
    training,
    unlearning,
)
from orthoui.bench.browser import NoBrowserError, check_playwright
from orthoui.bench.clock import Budget
from orthoui.bench.promises import (
    CLUSTER_ROW,
    FASTEST_ROW,
    METHOD_ROWS,
    QUEUE_ROW,
    RECOMMENDED_ROW,
    RETRAIN_ROW,
    SSD_ROW,
    STEPS_ROW,
    TRAINING_ROWS,
)
from orthoui.bench.rows import LEFT_OUT, Row
from orthoui.bench.server import ServerError
from orthoui.bench.sizes import FULL, QUICK, Sizes
from orthoui.bench.subjects import RANDOM_NAME, random_model
from orthoui.cli.app import app
from orthoui.data import load_dataset
from orthoui.errors import SchedulerError
from tests.tiny import same_tensors, state_of

TINY = Sizes(
    plans=2,
    cold=1,
    evaluations=1,
    embedded_images=20,
    full_width_images=20,
    starts=1,
    steps=1,
    hurried_steps=1,
    sessions=2,
    training_blocks=0,
    prunings=0,
    dampenings=0,
    method_steps=0,
    method_rounds=0,
    jobs=0,
    cluster=False,
    width=4,
)
LONG = 4 + 6 + 1
PROMISED = 3 + 1 + 2 + LONG + 2 + 6 + 1


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "QUICK", TINY)


def test_json_has_every_row_and_nothing_else_on_stdout() -> None:
    said = CliRunner().invoke(app, ["bench", "--quick", "--no-browser", "--json"])
    assert said.exit_code == 0, said.output
    document = json.loads(said.stdout)
    assert said.stdout.count("\n") == 1
    assert "Measuring" in said.stderr
    assert document["quick"] is True
    rows = document["rows"]
    assert len(rows) == len({row["what"] for row in rows}) == PROMISED
    measured = [row for row in rows if row["value"] is not None]
    assert len(measured) == 5 + torch.cuda.is_available()
    for row in rows:
        assert set(row) == {"what", "unit", "goal", "bound", "value", "how", "reason", "met"}
        assert (row["value"] is None) == (row["reason"] is not None)
        assert row["value"] is None or (row["value"] > 0 and row["how"].startswith("n = "))
    assert {row["reason"] for row in rows[6 : 6 + LONG]} == {LEFT_OUT}
    assert {row["reason"] for row in rows[6 + LONG :]} == {"left out by --no-browser"}


def test_groups_of_rows_are_measured_alone() -> None:
    said = CliRunner().invoke(app, ["bench", "--quick", "--only", "browser, cluster", "--no-browser", "--json"])
    assert said.exit_code == 0, said.output
    document = json.loads(said.stdout)
    assert document["only"] == ["cluster", "browser"]
    assert document["rows"][0]["what"] == CLUSTER_ROW.what
    assert len(document["rows"]) == PROMISED - 6 - LONG + 1
    assert "Measuring" not in said.stderr


@pytest.mark.parametrize(("only", "words"), [("cpu", "There is no group of rows “cpu”"), (" ,", "names no group")])
def test_a_group_that_is_not_there_is_refused(only: str, words: str) -> None:
    said = CliRunner().invoke(app, ["bench", "--only", only])
    assert said.exit_code == 2
    assert words in said.stderr
    assert all(name in said.stderr for name in run.GROUPS)


def test_long_groups_measure_what_they_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "training_rows", lambda sizes, progress: iter(TRAINING_ROWS))
    monkeypatch.setattr(unlearning, "against_fastest", lambda *_: iter((FASTEST_ROW, RECOMMENDED_ROW)))
    monkeypatch.setattr(retraining, "against_retrain", lambda *_: RETRAIN_ROW)
    monkeypatch.setattr(unlearning, "dampening", lambda *_: SSD_ROW)
    monkeypatch.setattr(stepping, "step_rates", lambda *_: STEPS_ROW)
    monkeypatch.setattr(queueing, "overhead", lambda *_: QUEUE_ROW)
    monkeypatch.setattr(cluster, "killed_half_way", no_cluster)
    sizes = replace(TINY, training_blocks=1, prunings=1, cluster=True)
    assert tuple(run.training_rows(sizes, lambda _: None)) == TRAINING_ROWS
    assert tuple(run.method_rows(sizes, lambda _: None)) == METHOD_ROWS
    assert [row.reason for row in run.cluster_rows(sizes, lambda _: None)] == ["no worker came"]


def no_cluster(*_: object) -> Row:
    raise SchedulerError("no worker came\nits log")


def test_the_table_is_written_as_markdown_too(tmp_path: Path) -> None:
    file = tmp_path / "docs" / "table.md"
    said = CliRunner().invoke(app, ["bench", "--quick", "--no-browser", "--out", str(file)])
    assert said.exit_code == 0, said.output
    assert "cold forgetting" in said.stdout
    table = [line for line in file.read_text().splitlines() if line.startswith("|")]
    assert len(table) == PROMISED + 2


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = CliRunner().invoke(app, ["bench", "--quick", "--no-browser", "--out", str(tmp_path / "file" / "table.md")])
    assert said.exit_code == 2
    assert "cannot be made" in said.stderr
    assert "Measuring" not in said.stderr


def test_quick_leaves_out_what_takes_long() -> None:
    assert QUICK.seconds == 45
    assert QUICK.sessions == QUICK.full_width_images == 0
    assert FULL.seconds is None
    assert FULL.width == QUICK.width == 64
    assert FULL.sessions == 10
    assert FULL.full_width_images == 1000
    long = {"training_blocks", "prunings", "dampenings", "method_steps", "jobs", "cluster"}
    assert not any(getattr(QUICK, name) for name in long)
    assert all(getattr(FULL, name) for name in long)
    assert FULL.batch == 128


def test_a_missing_browser_is_the_reason_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise NoBrowserError("there is none here")

    monkeypatch.setattr(finding, "find_chromium", none)
    rows = list(run.browser_rows(TINY, Budget(None), lambda _: None))
    assert {row.reason for row in rows} == {"there is none here"}
    assert [row.what for row in rows] == [
        row.what for row in (*live.PAGE_ROWS, *live.STEP_ROWS, live.HURRIED_ROW, sessions.MEMORY_ROW)
    ]


def test_without_playwright_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("playwright"):
            raise ImportError(name)
        return real(name, *rest, **more)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NoBrowserError, match="install the test extra"):
        check_playwright()


def test_no_time_left_starts_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "chromium", lambda: pytest.fail("a browser was started"))
    rows = list(run.browser_rows(TINY, Budget(0), lambda _: None))
    assert {row.reason for row in rows} == {"the time of a quick run was up"}


def test_what_was_measured_before_a_failure_is_kept() -> None:
    promised = live.PAGE_ROWS
    done = promised[0].measured(4, "once")

    def fails() -> Iterator[Row]:
        yield done
        raise ServerError("The server ended with code 1:\nits log")

    assert list(run.explained(promised, fails())) == [
        done,
        promised[1].missing("The server ended with code 1:"),
    ]


def test_a_page_that_is_too_slow_is_said_in_words() -> None:
    def slow() -> Iterator[Row]:
        raise TimeoutError("Timeout 3000ms exceeded")
        yield

    assert [row.reason for row in run.explained(live.PAGE_ROWS, slow())] == [run.TOO_SLOW] * 2


def test_the_random_model_is_the_same_every_time_and_left_as_it_was(tmp_path: Path) -> None:
    data = load_dataset("fashion-mnist")
    device = torch.device("cpu")
    model = random_model(tmp_path / "a", data, 4, device)
    assert model.name == RANDOM_NAME
    assert model.digest == random_model(tmp_path / "b", data, 4, device).digest
    before = state_of(model.network)
    core.plan_and_apply(model, data["train"], 1)
    core.cold_forgetting(model, data["train"], 1)
    core.evaluation(model, data, 20, "tiny", 1)
    assert same_tensors(model.network, before)
