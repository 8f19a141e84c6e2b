"""All runs ever made, on the Runs page: recorded once, filtered, tagged, deleted, exported, opened in Forget."""

import json
from collections.abc import Sequence

import pytest
from streamlit.testing.v1 import AppTest

from orthoui.errors import LedgerError
from orthoui.ledger import NewRun, Result, ledger
from orthoui.ui.ledger import actions, panel
from tests.pages.opening import heading, opened, run, text, view

FORGET, RUNS = "pages/explore/forget.py", "pages/lab/runs.py"
LINK = {"classes": "7", "strength": "1", "attenuation": "uniform", "target": "bn", "scope": "stage:4", "ratio": "0.3"}
MODEL = "fashion-mnist-resnet18-w16-orthogonal"


def made(title: str, **fields: object) -> str:
    new = NewRun.model_validate({"kind": "train", "title": title, "model": MODEL, **fields})
    return ledger().record(new, Result(metrics={"accuracy": {"test": 90.0}}, timings={"optimisation": 2.0})).id


def pick(app: AppTest, rows: object) -> AppTest:
    key = f"ledger_table_{panel._digest(ledger().find())}"
    app.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return run(app)


def titles(app: AppTest) -> Sequence[str]:
    return list(app.dataframe[0].value["what"])


def test_an_empty_ledger_says_so() -> None:
    assert heading(opened(RUNS, runs_shown="all")) == "No run has been made yet."


@pytest.mark.usefixtures("few_images")
def test_a_forgetting_of_the_page_is_kept_once_with_intervals_and_timings() -> None:
    app = opened(**LINK)
    (kept,) = ledger().find()
    assert (kept.kind, kept.model, kept.dataset, kept.state) == ("forget", MODEL, "fashion-mnist", "done")
    low, high = kept.metrics["forget_accuracy_interval"]
    assert low <= kept.metrics["forget_accuracy"] <= high
    assert set(kept.timings) == {"statistics", "edit", "optimisation", "evaluation"}
    assert "confusion" not in kept.metrics["after"]
    opened(**LINK)  # another browser session, the same result
    assert ledger().count() == 1
    app.slider(key="ratio_choice").set_value(0.02)
    run(app)
    assert ledger().count() == 2


@pytest.mark.usefixtures("few_images")
def test_a_ledger_that_cannot_be_written_costs_the_record_and_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise LedgerError("The disk is full.")

    monkeypatch.setattr("orthoui.ui.runs.record", full)
    app = opened(**LINK)
    assert [warning.value for warning in app.warning] == [
        "This run is not among “All runs ever made”. The disk is full."
    ]
    app.slider(key="ratio_choice").set_value(0.02)
    run(app)
    assert not app.warning and not app.error
    assert heading(app).startswith("Sneaker ")


def test_runs_are_filtered_and_sorted() -> None:
    made("one", dataset="cifar10", tags=("lecture",))
    made("two", dataset="fashion-mnist")
    made("three", kind="method", dataset="cifar10")
    app = opened(RUNS)
    app.segmented_control(key="runs_choice").set_value("all")
    run(app)
    assert app.query_params["runs_shown"] == "all"
    assert heading(app) == "3 runs are in the ledger."
    assert titles(app) == ["three", "two", "one"]
    app.selectbox(key="ledger_dataset").set_value("cifar10")
    run(app)
    assert titles(app) == ["three", "one"]
    app.multiselect(key="ledger_kind").set_value(["train"])
    run(app)
    assert titles(app) == ["one"]
    app.text_input(key="ledger_text").set_value("nothing like that")
    run(app)
    assert not app.dataframe and [info.value for info in app.info] == ["No run fits these filters."]
    app.button(key="ledger_show_all").click()
    run(app)
    assert titles(app) == ["three", "two", "one"]
    app.selectbox(key="ledger_tag").set_value("lecture")
    run(app)
    assert titles(app) == ["one"]


def test_a_link_holds_filters_and_order() -> None:
    made("one", dataset="cifar10"), made("two", dataset="cifar10"), made("three", dataset="fashion-mnist")
    link = {"runs_shown": "all", "ledger_dataset": "cifar10", "ledger_sort": "created", "ledger_kind": "train"}
    app = opened(RUNS, **link)
    assert titles(app) == ["one", "two"]
    assert {name: app.query_params[name] for name in link} == link
    gone = opened(RUNS, runs_shown="all", ledger_model="gone", ledger_kind="made-up")
    assert [info.value for info in gone.info] == ["No run fits these filters."]
    assert gone.selectbox(key="ledger_model").value == "gone"
    assert opened(RUNS, runs_shown="all", ledger_kind="train~train").multiselect(key="ledger_kind").value == ["train"]


@pytest.mark.usefixtures("few_images")
def test_filters_stay_while_a_run_is_looked_at_in_forget() -> None:
    app = opened(**LINK)
    asked = view(app).request
    other = opened(RUNS, runs_shown="all", classes="2", ledger_kind="forget", ledger_sort="created")
    pick(other, [0])
    other.button(key="ledger_open").click()
    run(other)
    assert view(other).request == asked
    assert (view(other).ledger_kind, view(other).ledger_sort) == (("forget",), "created")


def test_rows_are_tagged_and_deleted() -> None:
    first, second = made("one"), made("two")
    app = pick(opened(RUNS, runs_shown="all"), [0, 1])
    app.text_input(key="ledger_new_tag").set_value("lecture")
    app.button(key="ledger_tag_give").click()
    run(app)
    assert ledger().tags() == {"lecture": 2}
    pick(app, [1])
    app.text_input(key="ledger_new_tag").set_value(" ")
    app.button(key="ledger_tag_give").click()
    run(app)
    assert any("A tag has 1 to 80 characters" in warning.value for warning in app.warning)
    pick(app, [1])
    app.button(key="ledger_delete").click()
    run(app)
    assert [kept.id for kept in ledger().find()] == [second]
    assert first != second


def test_rows_that_are_not_there_are_ignored() -> None:
    made("one")
    app = opened(RUNS, runs_shown="all")
    for rows in ([7], ["0"], [None], [[0]], [True], "0", {"0": 0}, None):
        assert app.button(key="ledger_open").disabled
        pick(app, rows)


def test_runs_are_exported_in_every_form() -> None:
    made("one"), made("two")
    found = ledger().find()
    assert [row["title"] for row in json.loads(actions._content("json", [], panel.RunFilter(), "-created"))] == [
        "two",
        "one",
    ]
    assert b"one" in actions._content("csv", found[1:], panel.RunFilter(), "-created")
    assert b"two" not in actions._content("csv", found[1:], panel.RunFilter(), "-created")
    assert actions._content("parquet", [], panel.RunFilter(), "-created")[:4] == b"PAR1"
    app = opened(RUNS, runs_shown="all")
    assert [button.label for button in app.download_button] == ["CSV", "JSON", "JSON lines", "Parquet"]


@pytest.mark.usefixtures("few_images")
def test_a_run_is_opened_in_forget_with_its_settings() -> None:
    app = opened(**LINK)
    asked = view(app).request
    other = opened(RUNS, runs_shown="all", classes="2")
    pick(other, [0])
    other.button(key="ledger_open").click()
    run(other)
    assert view(other).request == asked
    assert heading(other) == heading(app)


def test_a_run_of_a_model_that_is_gone_cannot_be_opened() -> None:
    made("one", model="gone")
    app = pick(opened(RUNS, runs_shown="all"), [0])
    assert app.button(key="ledger_open").disabled
    assert "Tick rows" in text(app)
