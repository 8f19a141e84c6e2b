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
        assert row["method"] == "logit-mask" or row["relearn"]["steps"]  # a forbidden answer cannot be relearned
        assert row["cost"]["samples"] >= 0
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
        if method.name == "famr":
            raise ValueError("a fault of its own")
        return work(method, *rest)

    monkeypatch.setattr(module, "unlearn", failing)
    said = answer("compare --model tiny --classes 1 --methods fine-tune,famr,logit-mask")
    assert said["methods"][0]["error"] == "There is not enough memory."
    assert "a fault of its own" in said["methods"][1]["error"]
    assert said["methods"][2]["forget_test"]["value"] == 0
    assert call("compare --model tiny --classes 1 --methods fine-tune,famr --json").exit_code == 1


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


def test_every_row_stands_beside_the_retrained_model_as_on_the_page(home: Path) -> None:
    rows = answer("compare --model tiny --classes 1 --methods retrain,logit-mask,fine-tune --no-similarity")[
        "methods"
    ]
    retrained, mask, tuned = rows
    assert retrained["gap_to_retrained"]["forget_test"] == 0
    expected = mask["retain_test"]["value"] - retrained["retain_test"]["value"]
    assert mask["gap_to_retrained"]["retain_test"] == pytest.approx(expected)
    assert retrained["times_faster_than_retraining"] == 1 and tuned["times_faster_than_retraining"] > 0
    assert mask["times_faster_than_retraining"] is None
    assert [row["not_beaten"] for row in rows] == [False, False, True]
    assert tuned["run"] != mask["run"]
    assert tuned["distance"]["mean"] >= 0  # to the network that Retrain left


def test_settings_are_changed_and_refused_by_name(home: Path) -> None:
    row = answer("compare --model tiny --classes 1 --methods fine-tune --set fine-tune.epochs=1")["methods"][0]
    assert row["request"]["epochs"] == 1
    assert ledger().get(row["run"]).request["settings"] == {"epochs": "1"}
    assert "-1" in refusal("compare --model tiny --classes 1 --methods fine-tune --set fine-tune.epochs=-1")
    said = refusal("compare --model tiny --classes 1 --methods fine-tune --set epochs")
    assert "METHOD.FIELD=VALUE" in said


def test_the_table_and_what_was_found_are_written(home: Path, tmp_path: Path) -> None:
    from orthoui.methods.found import read_found

    table, found = tmp_path / "table.md", tmp_path / "found.json"
    base = f"compare --model tiny --classes 1 --out {table} --found {found} --no-similarity"
    answer(f"{base} --methods original,logit-mask")
    lines = table.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("| method | forgotten |") and lines[3].startswith("| Logit mask | 0.0 % (0.0 – ")
    answer(f"{base} --methods original,fine-tune --set fine-tune.epochs=1")
    known = read_found(found)
    assert known is not None and set(known.methods) == {"original", "logit-mask", "fine-tune"}
    mask, tuned = known.methods["logit-mask"], known.methods["fine-tune"]
    assert mask.defaults is not None and mask.defaults.forgotten == 0 and mask.tuned is None
    assert tuned.defaults is None and tuned.tuned is not None and tuned.tuned.settings == {"epochs": "1"}
    said = refusal(f"compare --model tiny --classes 1 --methods original --out {tmp_path}/table.md/below.md")
    assert "cannot be written" in said
