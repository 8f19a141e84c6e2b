"""``orthoui compare``: the same measurement for every method, one failure ends nothing, all runs are kept."""

from pathlib import Path
from typing import Any

import pytest

from orthoui.ledger import RunFilter, ledger
from tests.cli.calling import answer, call, refusal

METHODS = "logit-mask,random-channels,soft-pruning,fine-tune"


def test_every_method_is_measured_alike_and_every_run_is_in_the_ledger(home: Path) -> None:
    compared = answer(f"compare --model tiny --classes 1 --methods {METHODS} --relearn")
    assert [row["method"] for row in compared["methods"]] == METHODS.split(",")
    for row in compared["methods"]:
        assert "error" not in row, row
        assert row["forget_test"]["n"] > 0 and row["retain_test"]["n"] > 0
        assert row["seconds"] == pytest.approx(sum(row["timings"].values()))
        assert row["relearn"]["steps"] and row["cost"]["samples"] >= 0
    mask, _, pruned, _ = compared["methods"]
    assert mask["forget_test"]["value"] == 0
    assert mask["similarity_original"] is None and pruned["similarity_original"] is not None
    runs = {run.method: run for run in ledger().find(RunFilter(group=compared["group"]))}
    assert set(runs) == set(METHODS.split(","))
    run = runs["logit-mask"]
    assert (run.kind, run.state, run.model) == ("method", "done", "tiny")
    assert run.metrics["forget_test"] == mask["forget_test"]


def test_people_get_a_table(home: Path) -> None:
    result = call("compare --model tiny --classes 1 --methods logit-mask --no-similarity")
    assert result.exit_code == 0
    assert "Logit mask" in result.stdout and "0.0 %" in result.stdout


def test_a_method_that_fails_does_not_end_the_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orthoui.errors import ResourceError
    from orthoui.jobs import method as module

    work = module.unlearn

    def failing(method: Any, *rest: Any) -> Any:
        if method.name == "fine-tune":
            raise ResourceError("There is not enough memory.")
        return work(method, *rest)

    monkeypatch.setattr(module, "unlearn", failing)
    said = answer("compare --model tiny --classes 1 --methods fine-tune,logit-mask")
    assert said["methods"][0]["error"] == "There is not enough memory."
    assert said["methods"][1]["forget_test"]["value"] == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--classes 1 --methods imaginary", "There is no method “imaginary”"),
        ("--classes 9", "There is no class “9”"),
        ("--classes ''", "No class to forget was named"),
        ("--classes 1 --methods ','", "--methods names no method"),
        ("--classes 1 --methods sisa", "sisa"),
    ],
)
def test_refusals(home: Path, options: str, words: str) -> None:
    assert words in refusal(f"compare --model tiny {options}")
