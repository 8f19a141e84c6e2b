"""The Runs page without a browser: empty at first, then every forgetting once; one of them pinned and compared."""

import pytest
from streamlit.testing.v1 import AppTest

from orthoui.evaluation.summary import headline
from orthoui.ui import runs
from orthoui.ui.runs import Run
from orthoui.ui.runs_chart import settings_figure
from tests.pages.opening import heading, opened, run, text, view

FORGET, RUNS = "pages/explore/forget.py", "pages/lab/runs.py"
LINK = {"classes": "7", "strength": "1", "attenuation": "uniform", "target": "bn", "scope": "stage:4"}
PLAIN = "fashion-mnist-resnet18-w16-plain"

pytestmark = pytest.mark.usefixtures("few_images")


def visit(app: AppTest, page: str) -> AppTest:
    app.switch_page(page)
    return run(app)


def remembered(app: AppTest) -> list[Run]:
    found = app.session_state["runs"]
    assert isinstance(found, list)
    return found


def select(app: AppTest, rows: object) -> AppTest:
    """Select rows of the table as a click would."""
    app.session_state["runs_table"] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return run(app)


@pytest.fixture
def app() -> AppTest:
    """Two runs, at ratio 0.3 and then 0.02, and the Runs page."""
    app = opened(**LINK, ratio="0.3")
    app.slider(key="ratio_choice").set_value(0.02)
    return visit(run(app), RUNS)


def test_an_empty_session_is_told_how_to_begin() -> None:
    app = opened(RUNS)
    assert heading(app) == "No class has been forgotten in this session yet."
    assert not app.dataframe
    assert [link.proto.label for link in app.get("page_link")] == ["Forget a class"]


def test_every_forgetting_is_a_row_with_its_numbers(app: AppTest) -> None:
    assert heading(app) == "2 runs in this session: Sneaker."
    rows = app.dataframe[0].value
    assert list(rows["run"]) == ["1", "2"]
    assert [settings.split(",")[0] for settings in rows["settings"]] == ["ratio 0.3", "ratio 0.02"]
    for place, found in enumerate(remembered(app)):
        after = found.outcome.measured["after"].accuracies
        attack, distance = found.outcome.membership["after"].convention_a, found.outcome.distance
        assert after.forget and after.retain and attack and distance and distance.forget
        row = rows.iloc[place]
        assert (row["forgotten"], row["verdict"]) == ("Sneaker", found.verdict)
        assert row["forgotten class"] == after.forget.value
        assert row["other classes"] == after.retain.value
        assert row["recognised"] == attack.mean
        assert row["distance"] == distance.forget.mean
        assert found.sentence == headline(found.outcome)


def test_the_settings_are_drawn_together_with_what_no_other_beats(app: AppTest) -> None:
    found = remembered(app)
    figure = settings_figure(found, found[1], "light")
    assert figure is not None
    assert {name for _, name, _ in figure.data[1].customdata} == {
        "Run 1", "Run 2", "before", "retrained", "random channels",
    }  # fmt: skip
    drawn = dict(zip([name for _, name, _ in figure.data[1].customdata], figure.data[1].x, strict=True))
    for one in found:
        forget = one.outcome.measured["after"].accuracies.forget
        assert forget is not None and drawn[f"Run {one.number}"] == forget.value
    assert "of 2 settings are not beaten" in figure.layout.meta["alt"]
    assert settings_figure(found[:1], None, "light") is None


def test_settings_of_another_model_are_not_drawn_together(app: AppTest) -> None:
    visit(app, FORGET)
    app.button(key="twin").click()
    visit(run(app), RUNS)
    assert len(remembered(app)) == 3 and settings_figure(remembered(app), None, "light") is None


def test_the_same_request_is_kept_once(app: AppTest) -> None:
    visit(app, FORGET)
    app.slider(key="ratio_choice").set_value(0.3)
    visit(run(app), RUNS)
    assert list(app.dataframe[0].value["run"]) == ["1", "2"]


def test_what_is_not_measured_stays_empty(app: AppTest) -> None:
    visit(app, FORGET)
    app.button_group(key="class_choice").set_value([7, 2])
    visit(run(app), RUNS)
    assert heading(app) == "3 runs in this session: Pullover and Sneaker, Sneaker."
    assert list(app.dataframe[0].value["distance"].isna()) == [False, False, True]


def test_buttons_wait_for_a_row(app: AppTest) -> None:
    assert app.button(key="pin").disabled and app.button(key="open").disabled
    select(app, [0])
    assert not app.button(key="pin").disabled and not app.button(key="open").disabled
    for rows in ([7], ["0"], [None], [[0]], "0", {"0": 0}, None):  # a row that is gone, and what is no row
        select(app, rows)
        assert app.button(key="pin").disabled


def test_one_run_is_pinned_and_compared_with_the_current_one(app: AppTest) -> None:
    select(app, [0])
    app.button(key="pin").click()
    run(app)
    assert list(app.dataframe[0].value["run"]) == ["1 · A", "2"]
    assert "### A is run 1; the current one is run 2." in text(app)
    first, second = remembered(app)
    assert f"**A: {first.sentence}**" in text(app)
    assert f"**Current: {second.sentence}**" in text(app)
    assert len(app.get("plotly_chart")) == 2

    app.button(key="unpin").click()
    run(app)
    assert list(app.dataframe[0].value["run"]) == ["1", "2"]
    assert "### A is run" not in text(app)


def test_the_pinned_run_itself_is_not_compared(app: AppTest) -> None:
    select(app, [1])
    app.button(key="pin").click()
    run(app)
    assert [info.value for info in app.info] == [
        "The pinned run is the current one. Tick another, or change a setting on the Forget page."
    ]
    assert len(app.get("plotly_chart")) == 1


def test_the_ticked_run_is_compared_not_the_current_one(app: AppTest) -> None:
    visit(app, FORGET)
    app.slider(key="ratio_choice").set_value(0.5)
    visit(run(app), RUNS)
    select(app, [0])
    app.button(key="pin").click()
    select(run(app), [1])
    assert "### A is run 1; the ticked one is run 2." in text(app)
    assert f"**Ticked: {remembered(app)[1].sentence}**" in text(app)


def test_runs_of_two_models_are_compared(app: AppTest) -> None:
    select(app, [1])
    app.button(key="pin").click()
    visit(run(app), FORGET)
    app.button(key="twin").click()
    visit(run(app), RUNS)
    assert "### A is run 2; the current one is run 3." in text(app)
    assert "ResNet-18, width 16, plain; ratio 0.02" in text(app)
    assert remembered(app)[-1].outcome.model == PLAIN


def test_a_run_is_opened_again(app: AppTest) -> None:
    assert view(app).request.ratio == 0.02
    select(app, [0])
    app.button(key="open").click()
    run(app)
    assert view(app).request.ratio == 0.3
    assert heading(app) == remembered(app)[0].sentence


def test_the_oldest_run_leaves_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch, app: AppTest) -> None:
    monkeypatch.setattr(runs, "MOST", 2)
    visit(app, FORGET)
    app.slider(key="ratio_choice").set_value(0.1)
    visit(run(app), RUNS)
    assert list(app.dataframe[0].value["run"]) == ["2", "3"]
