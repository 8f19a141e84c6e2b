"""The Forget page without a browser: complete at once, and every control does what it says."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from orthoui.data import Dataset, load_dataset
from orthoui.evaluation.pipeline import forget
from orthoui.evaluation.presets import recommended
from orthoui.evaluation.summary import headline
from orthoui.forgetting.request import ForgetRequest
from orthoui.ledger import Run as LedgerRun
from orthoui.ledger import RunFilter, ledger
from orthoui.methods.soft_pruning import TunedPruningRequest
from orthoui.models.checkpoints import save_checkpoint
from orthoui.models.zoo import PREFERRED_MODEL, zoo
from orthoui.training.command import recipe_of
from orthoui.ui.link import default_request
from orthoui.wording import parse
from tests.pages.engines import carry_out, install
from tests.pages.opening import click, heading, opened, run, table_rows, text, view

PLAIN = "fashion-mnist-resnet18-w16-plain"
PERCENT = re.compile(r"\d+\.\d % \d+\.\d–\d+\.\d")
NETWORKS = ["before", "after", "retrained without it", "random channels", "logit mask"]


def test_the_page_is_complete_without_a_click() -> None:
    app = opened()
    assert not app.warning and not app.error
    assert re.fullmatch(
        r"Sneaker forgotten: \d+\.\d → \d+\.\d %; the other nine: \d+\.\d → \d+\.\d %\.", heading(app)
    )
    assert re.search(r"[\d,]+ of [\d,]+ channels.* scaled in \d+\.\d ms · 10,000 test images", text(app))
    rows = table_rows(app)
    assert list(rows) == NETWORKS
    for name, (forgotten, others, *attacks, distance) in rows.items():
        assert PERCENT.fullmatch(forgotten) and PERCENT.fullmatch(others)
        passed = [bool(PERCENT.fullmatch(attack)) for attack in attacks]
        assert passed == {"random channels": [False, False], "logit mask": [True, False]}.get(name, [True, True])
        assert re.fullmatch(r"\d\.\d{3} \d\.\d{3}–\d\.\d{3}", distance)
    assert len(app.get("plotly_chart")) == 4
    assert [button.label for button in app.download_button] == ["CSV", "JSON"]

    *_, outcome = forget(
        zoo().get(PREFERRED_MODEL), load_dataset("fashion-mnist"), view(app).request, membership=False
    )
    assert heading(app) == headline(outcome)  # the same numbers as everywhere else


@pytest.fixture
def app(few_images: Dataset) -> AppTest:
    return opened(classes="7", ratio="0.3", strength="1", attenuation="uniform", target="bn", scope="stage:4")


def test_a_slider_changes_headline_table_and_link(app: AppTest) -> None:
    before, rows = heading(app), table_rows(app)
    app.slider(key="ratio_choice").set_value(0.01)
    run(app)
    assert heading(app) != before
    assert table_rows(app)["before"] == rows["before"]
    assert table_rows(app)["after"] != rows["after"]
    assert view(app).request.ratio == 0.01
    assert app.query_params["ratio"] == "0.01"
    app.slider(key="strength_choice").set_value(0.5)
    run(app)
    assert (view(app).request.ratio, view(app).request.strength) == (0.01, 0.5)
    assert app.query_params["strength"] == "0.5"


def test_a_slider_at_zero_says_that_nothing_is_changed(app: AppTest) -> None:
    app.slider(key="ratio_choice").set_value(0.0)
    run(app)
    assert heading(app).startswith("Sneaker unchanged: ")
    assert table_rows(app)["after"][:2] == table_rows(app)["before"][:2] == table_rows(app)["random channels"][:2]
    assert "Nothing is changed: no channel is scaled at these settings." in text(app)


def test_presets_and_reset(app: AppTest) -> None:
    app.button(key="preset_paper").click()
    run(app)
    assert view(app).request == ForgetRequest(classes=(7,))
    assert app.slider(key="ratio_choice").value == 0.05
    app.button(key="preset_recommended").click()
    run(app)
    best = recommended(zoo().get(PREFERRED_MODEL), (7,))
    assert best is not None and view(app).request == best
    app.button_group(key="class_choice").set_value([8])
    run(app)
    assert view(app).request == recommended(zoo().get(PREFERRED_MODEL), (8,))  # a preset follows to the new class
    assert heading(app).startswith("Bag ")
    app.button(key="reset").click()
    run(app)
    assert view(app).request == best


def test_an_older_address_is_adopted_but_not_one_that_lags_behind_a_change(app: AppTest) -> None:
    older = dict(app.query_params)
    app.slider(key="ratio_choice").set_value(0.01)
    run(app)
    assert view(app).request.ratio == 0.01
    app.query_params.clear()
    app.query_params.update(older)  # as the browser's Back does
    run(app)
    assert view(app).request.ratio == 0.3

    app.slider(key="ratio_choice").set_value(0.02)
    app.query_params["ratio"] = "0.5"  # the browser has not heard of the last change yet
    run(app)
    assert view(app).request.ratio == 0.02


def test_channels_set_by_hand_are_said_and_given_back(few_images: Dataset) -> None:
    app = opened(classes="7", ratio="0.3", edits="conv1:3:0~conv1:4:0.5")
    assert "2 channels set by hand" in text(app)
    app.button(key="no_edits").click()
    run(app)
    assert view(app).request.edits == ()
    assert "set by hand" not in text(app)


def test_the_twin_keeps_the_sliders(app: AppTest) -> None:
    before, request = heading(app), view(app).request
    app.button(key="twin").click()
    run(app)
    assert (view(app).model, view(app).request) == (PLAIN, request)
    assert heading(app) != before
    assert app.button(key="twin").label == "Same sliders, orthogonal network"
    app.button(key="twin").click()
    run(app)
    assert heading(app) == before


def test_another_model_is_shown_at_its_own_default_setting(app: AppTest) -> None:
    app.selectbox(key="model_choice").set_value(PLAIN)
    run(app)
    assert view(app).model == PLAIN
    assert view(app).request == default_request(zoo().get(PLAIN), (7,))


def test_several_classes_have_no_reference_and_say_so(app: AppTest) -> None:
    app.button_group(key="class_choice").set_value([7, 2])
    run(app)
    assert heading(app).startswith("Pullover and Sneaker ")
    assert "the other eight: " in heading(app)
    assert table_rows(app)["retrained without it"] == ["not measured"] * 5
    assert view(app).request.target == "bn"  # what is no preset is kept for the new classes


def test_a_missing_reference_leads_to_train_filled_with_the_models_own_recipe(
    home: Path, few_images: Dataset
) -> None:
    model = zoo().get(PREFERRED_MODEL)
    (home / "models").mkdir(parents=True)
    own = model.card.model_copy(update={"images_digest": few_images["train"].digest})
    save_checkpoint(home / "models" / "few.safetensors", model.network, own)
    app = opened(model="few", classes="2-7", ratio="0.3", scope="stage:4", train_name="another", train_epochs="3")
    assert "No network was retrained without Pullover and Sneaker" in text(app)
    assert "Trained by OrthoUI: 18 epochs, λ 0.01, seed 0." in text(app)
    app.button(key="train_reference").click()
    run(app)
    assert (view(app).recipe, view(app).train_name) == (recipe_of(own).model_copy(update={"forgets": (2, 7)}), "")
    assert heading(app).startswith("Train an orthogonal ResNet-18 of width 16 on Fashion-MNIST without Pullover and ")


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (list(range(10)), "All 10 classes cannot be forgotten: nothing would be left to keep. Leave one out."),
        ([], "Choose at least one class to forget."),
    ],
)
def test_an_impossible_choice_is_refused_in_words_and_nothing_is_lost(
    app: AppTest, chosen: list[int], sentence: str
) -> None:
    before, shown = heading(app), view(app)
    app.button_group(key="class_choice").set_value(chosen)
    run(app)
    assert [warning.value for warning in app.warning] == [sentence]
    assert (heading(app), view(app)) == (before, shown)
    assert app.button_group(key="class_choice").value == [7]
    app.slider(key="ratio_choice").set_value(0.2)
    run(app)
    assert not app.warning


def test_advanced_settings_enter_request_and_link(app: AppTest) -> None:
    chosen = {
        "score": "margin",
        "target": "conv_sync",
        "attenuation": "scaled",
        "scope": "stage:3",
        "images_per_class": 20,
        "read_at": "relu",
    }
    for name, value in chosen.items():
        app.selectbox(key=f"{name}_choice").set_value(value)
    app.number_input(key="seed_choice").set_value(5)
    run(app)
    chosen["seed"] = 5
    assert view(app).request.model_dump(include=set(chosen)) == chosen
    assert {name: app.query_params[name] for name in chosen} == {name: str(value) for name, value in chosen.items()}


def test_a_bad_link_is_explained_and_the_page_complete(few_images: Dataset) -> None:
    app = opened(classes="7", ratio="0.9", model="resnet9000")
    problems = [warning.value for warning in app.warning]
    assert problems[0].startswith("There is no model “resnet9000”. Choose one of: ")
    assert problems[1] == "Ratio cannot be 0.9: choose a number from 0 to 0.5. The default is used instead."
    assert list(table_rows(app)) == NETWORKS
    app.slider(key="ratio_choice").set_value(0.1)
    run(app)
    assert not app.warning


def test_a_click_leads_to_its_channel(app: AppTest) -> None:
    click(app, "layers-chart", ["layer4.0.conv1", 3])
    assert (view(app).layer, view(app).channel) == ("layer4.0.conv1", 3)
    assert "### Channel 3 " in text(app)


def test_a_click_on_what_is_not_there_is_refused_in_words_or_ignored(app: AppTest) -> None:
    shown, first = view(app), heading(app)
    for sentence, mark in {"no layer “layer9”": ["layer9", 3], "has no channel 999": ["conv1", 999]}.items():
        click(app, "layers-chart", mark)
        assert [sentence in warning.value for warning in app.warning] == [True]
    for junk in (None, "x", [], ["conv1"], ["conv1", "x"], [0, "x", "y", 1], [0, 1e9, 2e9, 1]):
        for key in ("layers-chart", "histogram-chart"):
            click(app, key, junk)
    assert (view(app), heading(app)) == (shown, first)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, few_images: Dataset) -> Callable[[], list[LedgerRun]]:
    install(monkeypatch)
    return lambda: ledger().find(RunFilter(kind=("method",)), sort="-created")


def test_fine_tuning_is_set_in_the_link(jobs: Callable[[], list[LedgerRun]]) -> None:
    app = opened(classes="7", tune_epochs="1", tune_freeze="False")
    assert (app.slider(key="tuning_epochs").value, app.toggle(key="tuning_freeze").value) == (1, False)
    app.button(key="tuning_start").click()
    run(app)
    (job,) = jobs()
    asked = parse(TunedPruningRequest, {**job.request["settings"], "classes": job.request["classes"]})
    assert (asked.tuning_epochs, asked.bn_mode) == (1, "train")
    assert asked.model_dump(include=set(ForgetRequest.model_fields)) == view(app).request.model_dump()
    app.slider(key="tuning_epochs").set_value(7)
    app.toggle(key="tuning_freeze").set_value(True)
    run(app)
    assert app.query_params["tune_epochs"] == "7" and "tune_freeze" not in app.query_params
    app.button(key="twin").click()
    run(app)
    assert view(app).tune_epochs == 7


def test_fine_tuning_is_a_job_that_is_watched_measured_and_looked_at(jobs: Callable[[], list[LedgerRun]]) -> None:
    app = opened(classes="7", ratio="0.3", tune_epochs="1")
    app.button(key="tuning_start").click()
    run(app)
    (job,) = jobs()
    assert (job.method, job.state) == ("soft-pruning-tuned", "queued")
    assert app.button(key=f"job_cancel_{job.id}")
    assert "its progress stands below" in text(app)
    assert "tuning_start" not in {button.key for button in app.button}  # nobody starts the same twice
    carry_out(job.id)
    run(app)
    assert re.search(r"After fine-tuning: forgotten class \*\*\d+\.\d % .*, on test images\.", text(app))
    app.slider(key="ratio_choice").set_value(0.1)
    run(app)
    assert "After fine-tuning" not in text(app)  # it was of another setting
    app.slider(key="ratio_choice").set_value(0.3)
    run(app)
    assert "After fine-tuning" in text(app)
    again = opened(classes="7", ratio="0.3", tune_epochs="1")  # a new session finds it, as the ledger keeps it
    assert "After fine-tuning" in text(again)
    app.button(key="tuning_show").click()
    run(app)
    assert view(app).result == job.id
    assert "**After: Soft pruning, fine-tuned**" in text(app)


def test_fine_tuning_can_be_cancelled_and_begun_again(jobs: Callable[[], list[LedgerRun]]) -> None:
    app = opened(classes="7", tune_epochs="10")
    app.button(key="tuning_start").click()
    run(app)
    (job,) = jobs()
    app.button(key=f"job_cancel_{job.id}").click()
    run(app)
    assert ledger().get(job.id).state == "cancelled"
    assert len(app.info) == 1
    app.button(key="tuning_start").click()
    run(app)
    assert [job.state for job in jobs()] == ["queued", "cancelled"]
