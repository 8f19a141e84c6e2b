"""``orthoui compare``: the same measurement for every method, one failure ends nothing, all runs are kept."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from orthoui.data import DATASETS, catalog
from orthoui.jobs.execute import run_here
from orthoui.ledger import Progress, RunFilter, ledger
from tests.cli.calling import answer, call, refusal
from tests.cli.conftest import tiny

METHODS = "logit-mask,random-channels,soft-pruning,fine-tune"


def test_every_method_is_measured_alike_and_every_run_is_in_the_ledger(home: Path) -> None:
    compared = answer(f"compare --model tiny --classes 1 --methods {METHODS} --relearn")
    assert [row["method"] for row in compared["methods"]] == METHODS.split(",")
    for row in compared["methods"]:
        assert "error" not in row, row
        assert row["forget_test"]["n"] > 0 and row["retain_test"]["n"] > 0
        assert row["timings"].pop("evaluation") > 0  # measured, and no part of what the method cost
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


def test_retrain_goes_first_so_that_the_others_are_compared_with_it(home: Path) -> None:
    hint = "Distance to a retrained model needs one: add Retrain."
    assert hint in call("compare --model tiny --classes 1 --methods logit-mask --no-similarity").stdout
    assert hint in call("compare --model tiny --classes 1 --methods logit-mask,retrain --set retrain.epochs=0").stdout
    compared = call("compare --model tiny --classes 1 --methods logit-mask,retrain --no-similarity --json")
    mask, retrained = json.loads(compared.stdout)["methods"]
    assert (mask["method"], retrained["method"]) == ("logit-mask", "retrain")
    assert mask["run"] > retrained["run"] and mask["distance"] is not None  # identifiers sort by time
    assert hint not in call("compare --model tiny --classes 1 --methods logit-mask --no-similarity").stdout


def test_a_shortened_retrain_is_no_standard_where_a_full_one_is_in_the_ledger(home: Path) -> None:
    base = "compare --model tiny --classes 1 --no-similarity --methods"
    full = answer(f"{base} retrain")["methods"][0]
    compared = answer(f"{base} retrain,logit-mask --set retrain.epochs=1")
    assert compared["retrained_run"] == full["run"]
    trial, mask = compared["methods"]
    expected = mask["retain_test"]["value"] - full["retain_test"]["value"]
    assert mask["gap_to_retrained"]["retain_test"] == pytest.approx(expected)
    assert trial["times_faster_than_retraining"] == pytest.approx(full["seconds"] / trial["seconds"])


def test_a_run_names_the_images_it_was_measured_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tiny()
    others = replace(made, splits={**made.splits, "train": made["train"].subset(torch.arange(0, 60, 2))})
    monkeypatch.setitem(DATASETS._entries, "tiny", lambda: others)
    catalog._load.cache_clear()
    result = call("compare --model tiny --classes 1 --methods logit-mask --no-similarity --json")
    assert "are not the very ones that this model was trained on" in " ".join(result.stderr.split())
    row = json.loads(result.stdout)["methods"][0]
    assert ledger().get(row["run"]).data_digest == others["train"].digest != made["train"].digest


def test_the_bar_never_goes_back_while_a_method_is_measured(home: Path) -> None:
    seen: list[Progress] = []
    fields = {"model": "tiny", "method": "fine-tune", "classes": [1], "settings": {"epochs": 1}, "relearn": True}
    run_here("method", fields, "Fine-tune", method="fine-tune", show=seen.append)
    shares = [progress.share for progress in seen]
    assert shares == sorted(shares) and shares[0] == 0.0
    measuring = [progress for progress in seen if progress.message.startswith("Measuring: ")]
    assert [progress.message for progress in measuring] == [
        "Measuring: accuracy on test images",
        "Measuring: accuracy on training images",
        "Measuring: membership inference",
        "Measuring: steps to relearn",
        "Measuring: layer similarity",
    ]
    assert measuring[0].share >= 0.9 and 0.9 < measuring[-1].share < 1
