"""Runs as files, read back with other programs' readers."""

import csv
import io
import json
from typing import Any

import pandas as pd
import pytest

from orthoui.errors import UnknownNameError
from orthoui.ledger import FORMATS, Ledger, Result, Run, RunFilter, export
from tests.ledger.made import RESULT, new, queued


@pytest.fixture
def runs(book: Ledger) -> list[Run]:
    book.record(new(title="=1+1", tags=("a", "b"), dataset="-d"), RESULT)
    book.record(new(title="Zwei, “ß”\nnext line"), Result(metrics={"forget_accuracy": -1, "kind": "x"}))
    queued(book, title="Waiting")
    return book.find(RunFilter(), sort="created")


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_csv_keeps_every_value_and_no_formula(runs: list[Run]) -> None:
    one, two, three = table(export(runs, "csv"))
    assert one["title"] == "'=1+1"
    assert one["dataset"] == "'-d"
    assert one["tags"] == "a, b"
    assert json.loads(one["request"]) == {"classes": [7], "ratio": 0.1}
    assert float(one["metrics.forget_accuracy"]) == 0.6
    assert (one["metrics.forget_accuracy_interval.low"], one["metrics.forget_accuracy_interval.high"]) == (
        "0.2",
        "1.7",
    )
    assert float(one["timings.statistics"]) == 0.25
    assert float(one["seconds"]) == pytest.approx(0.755)
    assert two["title"] == "Zwei, “ß”\nnext line"
    assert two["metrics.forget_accuracy"] == "-1"
    assert (three["state"], three["finished"], three["metrics.forget_accuracy"]) == ("queued", "", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_taken_for_a_formula(runs: list[Run], start: str) -> None:
    evil = runs[0].model_copy(update={"error": f"{start}cmd|' /C calc'!A0", "metrics": {f"{start}1": 1.0}})
    (row,) = table(export([evil], "csv"))
    assert row["error"] == f"'{start}cmd|' /C calc'!A0"
    assert all(not (name or "").startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for name in row)


def test_json_gives_the_runs_back(runs: list[Run]) -> None:
    for documents in (
        json.loads(export(runs, "json")),
        [json.loads(line) for line in export(runs, "jsonl").decode().split("\n")[:-1]],
    ):
        assert [Run.model_validate(document) for document in documents] == runs


def test_parquet_has_typed_columns(runs: list[Run]) -> None:
    frame = pd.read_parquet(io.BytesIO(export(runs, "parquet")))
    assert list(frame["title"]) == [run.title for run in runs]
    assert frame["metrics.forget_accuracy"].dtype == float
    assert frame["metrics.forget_accuracy"].tolist()[:2] == [0.6, -1.0]
    assert frame["metrics.kind"].tolist()[1] == "x"
    assert frame["created"].tolist() == [run.created for run in runs]
    assert frame["seed"].tolist() == [3, 3, 3]


@pytest.mark.parametrize("form", FORMATS)
def test_no_runs_make_an_empty_file_of_the_right_form(form: str) -> None:
    content = export([], form)
    read: dict[str, Any] = {
        "csv": lambda: table(content),
        "json": lambda: json.loads(content),
        "jsonl": lambda: [json.loads(line) for line in content.splitlines()],
        "parquet": lambda: pd.read_parquet(io.BytesIO(content)).to_dict("records"),
    }
    assert read[form]() == []


def test_values_of_several_kinds_become_text(runs: list[Run]) -> None:
    mixed = [
        run.model_copy(update={"metrics": {"a": value, "pair": pair}})
        for run, value, pair in zip(runs, (1, "x", None), ([1, 2], [True, 2], ["a"]), strict=True)
    ]
    frame = pd.read_parquet(io.BytesIO(export(mixed, "parquet")))
    assert frame["metrics.a"].tolist()[:2] == ["1", "x"]
    assert frame["metrics.pair.low"].tolist()[0] == 1
    assert frame["metrics.pair"].tolist()[1:] == ["[true, 2]", '["a"]']


def test_an_unknown_form_is_explained(runs: list[Run]) -> None:
    with pytest.raises(
        UnknownNameError, match=r"no form of export “xlsx”\. Choose one of: csv, json, jsonl, parquet"
    ):
        export(runs, "xlsx")
