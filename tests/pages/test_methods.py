"""The Methods page: what can be run, rows that fill in, gaps, pictures, and the way to the other pages."""

import json
import re

import pytest

from orthoui.data import Dataset
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.jobs.method import start_of
from orthoui.ledger import NewRun, Progress, Result, RunFilter, ledger
from orthoui.methods import METHODS as METHODS_BY_NAME
from orthoui.models.zoo import PREFERRED_MODEL, zoo
from tests.pages.engines import Engine, begin, install
from tests.pages.methods_page import METHODS, QUICK, queued, ran, table
from tests.pages.opening import click, heading, opened, run, send, text, view

RETRAINED = "Retrain (trained before)"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, few_images: Dataset) -> Engine:
    return install(monkeypatch)


def test_the_first_visit_asks_and_offers_what_fits_the_model() -> None:
    app = opened(METHODS, classes="7")
    assert heading(app) == "How would other methods forget Sneaker? Choose some and run them."
    offered = app.dataframe[0].value
    assert {"Soft pruning", "SSD", "SCRUB", "Retrain", "Logit mask"} <= set(offered["method"])
    assert "SISA" not in set(offered["method"])
    assert "SISA needs what only training can leave behind" in text(app)
    assert "not known before they ran here once" in text(app)


def test_a_run_queues_the_ticked_methods_and_what_they_are_read_against(engine: Engine) -> None:
    app = opened(METHODS, classes="7", methods=QUICK)
    app.button(key="methods_run").click()
    run(app)
    jobs = queued()
    assert set(jobs) == {"soft-pruning", "logit-mask", "original", "retrain"}
    assert jobs["retrain"].request["settings"] == {"ready": True}
    assert min(jobs.values(), key=lambda job: job.id).method == "retrain"  # first: the others are compared with it
    app.button(key="methods_run").click()
    run(app)
    assert [job.method for job in ledger().find(RunFilter(kind=("method",)))].count("original") == 1
    assert len({job.group for job in jobs.values()}) == 1
    begin(jobs["original"].id, Progress(step=1, steps=2, message="Unlearning"))
    run(app)
    bars = {bar.proto.text: bar.proto.value for bar in app.get("progress")}
    assert bars["**Original** · Unlearning · step 1 of 2"] == 50
    assert bars["**Logit mask** · waiting for a free worker and device"] == 0
    app.button(key=f"job_cancel_{jobs['logit-mask'].id}").click()
    run(app)
    assert ledger().get(jobs["logit-mask"].id).state == "cancelled"


def test_finished_methods_stand_in_the_table_with_gaps_to_the_retrained_model() -> None:
    app = ran()
    assert heading(app).startswith("Soft pruning forgets Sneaker in ")
    rows = table(app)
    assert set(rows) == {"Soft pruning", "Logit mask", "Original", "Retrain (trained before)"}
    assert rows["Logit mask"]["forget_test"] == 0
    assert float(str(rows["Original"]["forget_test"])) > 90
    app.segmented_control(key="methods_mode").set_value("gap")
    run(app)
    gaps = table(app)
    assert gaps[RETRAINED]["forget_test_gap"] == 0
    expected = float(str(rows["Original"]["retain_test"])) - float(str(rows[RETRAINED]["retain_test"]))
    assert gaps["Original"]["retain_test"] == rows["Original"]["retain_test"]
    assert gaps["Original"]["retain_test_gap"] == pytest.approx(expected)
    app.segmented_control(key="methods_mode").set_value("interval")
    run(app)
    ends = table(app)
    assert ends["Logit mask"]["forget_test"] == "0.0 (0.0–6.0)"
    for name in ("forget_train", "membership_a", "membership_b", "distance"):
        value, low, high = map(float, re.findall(r"[\d.]+", str(ends["Soft pruning"][name])))
        assert low <= value <= high
    app.segmented_control(key="methods_mode").set_value("paper")
    run(app)
    assert "has no ResNet-18 on this data set" in app.info[0].value


def test_the_floor_of_the_distance_stands_below_the_table() -> None:
    app = ran()
    assert "different seeds" not in text(app)
    floor = {"mean": 0.0123, "low": 0.01, "high": 0.0146, "n": 60}
    ledger().add_metrics(queued()["retrain"].id, {"distance_floor": floor})
    app = opened(METHODS, classes="7")
    assert "Two networks retrained with different seeds are 0.012 (0.010–0.015) apart on these images" in text(app)


def test_a_clicked_mark_is_looked_at_closely_and_opens_on_the_other_pages() -> None:
    app = ran()
    pruned = queued()["soft-pruning"]
    click(app, "methods_trade_off", [pruned.id, "Soft pruning", "1 s"])
    assert view(app).pinned == (pruned.id,)
    run(app)
    assert "**Soft pruning**" in text(app)
    app.button(key=f"open_Forget_{pruned.id}").click()
    run(app)
    assert view(app).result == pruned.id
    assert "**After: Soft pruning**" in text(app)
    assert heading(app).startswith("Sneaker forgotten: ")
    assert not app.slider


def test_the_way_back_leads_to_soft_pruning() -> None:
    ran()
    app = opened(classes="7", result=queued()["soft-pruning"].id)
    app.button(key="result_back").click()
    run(app)
    assert view(app).result is None and app.slider


@pytest.mark.parametrize("page", ["pages/explore/channels.py", "pages/explore/heatmaps.py"])
def test_a_result_is_shown_in_place_of_soft_pruning(page: str) -> None:
    app = ran()
    result = queued()["retrain"].id
    shown = opened(page, classes="7", result=result)
    assert "**After: Retrain**" in text(shown)
    assert view(shown).result == result
    assert app.dataframe


def test_several_runs_are_compared_in_everything() -> None:
    app = ran()
    runs = [queued()[name].id for name in ("soft-pruning", "retrain")]
    app = opened(METHODS, classes="7", pinned="~".join(runs))
    measures = next(frame.value for frame in app.dataframe if "measure" in frame.value.columns)
    assert list(measures.columns) == ["measure", "images", "Soft pruning", "Retrain"]
    assert dict(zip(measures["measure"], measures["images"], strict=True))["forgotten class (%)"] == "60"
    assert "forgotten class (%)" in set(measures["measure"])
    charts = " ".join(element.proto.id for element in app.get("plotly_chart"))
    assert "similarity_original" in charts and charts.count("matrix-") == 3


def test_a_network_that_is_not_kept_is_said_and_not_opened() -> None:
    app = ran()
    masked = queued()["logit-mask"]
    click(app, "methods_trade_off", [masked.id, "Logit mask", "1 ms"])
    run(app)
    assert app.button(key=f"open_Forget_{masked.id}").disabled
    shown = opened(classes="7", result=masked.id)
    assert "is not kept any more" in shown.warning[0].value
    assert view(shown).result is None


@pytest.mark.parametrize(
    ("result", "words"),
    [("20200101-000000000000-aaaaaa", "no run"), ("x" * 81, "Method's result"), ("", "no run")],
)
def test_a_link_to_a_run_that_is_not_there_is_explained(result: str, words: str) -> None:
    app = opened(classes="7", result=result)
    assert words.casefold() in app.warning[0].value.casefold()
    assert view(app).result is None
    assert heading(app)


def test_of_many_that_wait_few_are_drawn_and_all_can_be_cancelled() -> None:
    app = opened(METHODS, classes="7", methods="ssd~lfssd~iau~famr~logit-mask")
    app.button(key="methods_run").click()
    run(app)
    begin(queued()["original"].id, Progress(step=1, steps=2))
    run(app)
    assert "3 more wait for a free worker." in text(app)
    app.button(key="methods_cancel_waiting").click()
    run(app)
    states = {name: job.state for name, job in queued().items()}
    assert states.pop("original") == "running" and set(states.values()) == {"cancelled"}
    assert "more wait" not in text(app)


def test_settings_are_checked_and_only_changes_are_kept() -> None:
    app = opened(METHODS, classes="7", methods="ssd")
    app.text_input(key="setting_ssd_selection").input("-3")
    run(app)
    assert "-3" in app.warning[0].value
    app.text_input(key="setting_ssd_selection").input("25")
    run(app)
    app.button(key="methods_run").click()
    run(app)
    assert queued()["ssd"].request["settings"] == {"selection": 25.0}
    assert view(app).settings == ("ssd.selection=25.0",)


def test_a_link_holds_the_settings_of_methods() -> None:
    app = opened(METHODS, classes="7", methods="ssd~retrain", settings="ssd.selection=25", relearn="True")
    assert app.text_input(key="setting_ssd_selection").value == "25"
    assert app.toggle(key="methods_relearn").value
    app.button(key="method_defaults_ssd").click()
    run(app)
    assert view(app).settings == ()


def test_settings_of_a_link_that_do_not_go_together_are_left_aside() -> None:
    app = opened(METHODS, classes="7", methods="retrain", settings="retrain.epochs=3")
    app.button(key="methods_run").click()
    run(app)
    assert "ready model has its own epochs" in app.warning[0].value
    assert queued()["retrain"].request["settings"] == {"ready": True}


def test_settings_show_what_a_run_starts_from_and_can_be_set_to_the_papers(engine: Engine) -> None:
    app = opened(METHODS, classes="7", methods="soft-pruning")
    assert app.text_input(key="setting_soft-pruning_ratio").value == "0.2"
    assert "recommended setting" in text(app)
    app.text_input(key="setting_soft-pruning_ratio").input("0.05")
    run(app)
    app.button(key="methods_run").click()
    run(app)
    assert queued()["soft-pruning"].request["settings"] == {"ratio": 0.05}


def test_a_new_retraining_can_be_asked_for() -> None:
    app = opened(METHODS, classes="7", methods="retrain")
    assert app.toggle(key="setting_retrain_ready").value
    app.toggle(key="setting_retrain_ready").set_value(False)
    run(app)
    app.button(key="methods_run").click()
    run(app)
    assert queued()["retrain"].request["settings"] == {"ready": False}


def test_the_control_scales_as_many_channels_as_soft_pruning() -> None:
    model = zoo().get(PREFERRED_MODEL)
    profile = load_or_measure(model, model.data(), ForgetRequest(classes=(7,))).profile
    touched = []
    for name in ("soft-pruning", "random-channels"):
        asked = start_of(METHODS_BY_NAME[name], model, (7,))
        assert isinstance(asked, ForgetRequest)
        plan = make_plan(profile, model.anatomy, asked)
        touched.append({layer: int((part.keep != 1).sum()) for layer, part in plan.layers.items()})
    assert touched[0] == touched[1] and sum(touched[0].values()) > 0


def test_what_a_browser_sends_for_the_table_may_be_nonsense() -> None:
    app = opened(METHODS, classes="7", methods=QUICK)
    for rows in ([999], ["x"], [-1], "all"):
        (name,) = (f.proto.id for f in app.dataframe if "methods_table" in f.proto.id)
        send(app, name.rsplit("-", 1)[-1], json.dumps({"selection": {"rows": rows, "columns": [], "cells": []}}))
        run(app)
        assert view(app).methods == () or set(view(app).methods) <= {"soft-pruning", "logit-mask"}


def test_the_first_visit_shows_what_was_found_beforehand() -> None:
    def pictures(classes: str) -> list[str]:
        return [str(chart.key) for chart in opened(METHODS, classes=classes).get("plotly_chart")]

    assert any("methods_beforehand" in key for key in pictures("7"))
    assert not any("methods_beforehand" in key for key in pictures("3"))


def test_without_a_retrained_model_the_page_says_what_is_missing() -> None:
    hint = "Distance to a retrained model needs one: add Retrain."
    plain = {"model": "fashion-mnist-resnet18-w16-plain", "classes": "7"}  # nothing lies ready for it
    assert hint in text(opened(METHODS, methods=QUICK, **plain))
    assert hint not in text(opened(METHODS, methods=f"{QUICK}~retrain", **plain))
    assert hint in text(opened(METHODS, methods=f"{QUICK}~retrain", settings="retrain.epochs=1", **plain))
    assert hint not in text(opened(METHODS, classes="7", methods=QUICK))


def test_runs_on_other_images_are_left_out_and_said() -> None:
    app = opened(METHODS, classes="7", methods="logit-mask")
    digest = zoo().get(PREFERRED_MODEL).digest
    new = NewRun(
        kind="method", method="ssd", title="SSD", request={"classes": [7]}, model_digest=digest, data_digest="others"
    )
    ledger().record(new, Result(metrics={"forget_test": {"value": 0.0}}, timings={"edit": 1.0}))
    run(app)
    assert "1 run on other images than those of this machine is left out; the ledger has it." in text(app)
    assert heading(app) == "How would other methods forget Sneaker? Choose some and run them."
