"""The Train page without a browser: settings, start, curves, what a finished training leads to."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from orthoui.jobs.train import TrainRequest
from orthoui.ledger import Attempt, Progress, Result, ledger
from orthoui.training.recipe import Recipe, recipes
from orthoui.ui.train.datasets import look_again
from tests.pages.engines import Engine, begin, install
from tests.pages.opening import heading, opened, run, text, view

TRAIN = "pages/lab/train.py"
EPOCH = {
    "epoch": 1, "epochs": 18, "loss": 1.25, "penalty": 0.5, "accuracy": 61.2, "calibration": 66.6, "cosine": 0.0831,
    "seconds": 3.0, "images_per_second": 1234.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    look_again()
    return install(monkeypatch)


def started(app: AppTest) -> str:
    app.button(key="train_start").click()
    run(app)
    return ledger().find()[0].id


def at_work(app: AppTest, *, loss: float = 1.5) -> tuple[str, Attempt]:
    run_id = started(app)
    metrics = {"curves": [EPOCH], "images_per_second": 1234.0}
    progress = Progress(step=150, steps=2538, loss=loss, message="Epoch 2 of 18", seconds_left=80, metrics=metrics)
    attempt = begin(run_id, progress)
    run(app)
    return run_id, attempt


def test_a_long_first_epoch_is_drawn_while_it_goes_on() -> None:
    app = opened(TRAIN)
    moment = {"inside": 0.4, "loss": 2.125, "accuracy": 21.5, "cosine": 0.0987}
    begin(started(app), Progress(step=40, steps=1800, loss=2.125, metrics={"curves": [], "moments": [moment]}))
    run(app)
    figures = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    titles = [figure["layout"]["meta"]["alt"].split(".  ")[0] for figure in figures]
    assert any("Loss 2.125 so far" in title for title in titles)
    assert any("21.5 % right while training so far" in title for title in titles)
    assert any("Filters overlap by 0.099" in title for title in titles)


def test_the_page_says_what_would_be_trained() -> None:
    app = opened(TRAIN)
    assert heading(app) == "Train a plain ResNet-18 of width 16 on Fashion-MNIST, 18 epochs."
    assert "No such training has been done here yet" in text(app)
    assert app.text_input(key="train_name").placeholder == "fashion-mnist-resnet18-w16-plain-2"
    assert not app.button(key="train_start").disabled
    assert not app.error and not app.warning


def test_every_setting_is_in_the_link_and_opens_again() -> None:
    app = opened(TRAIN)
    app.number_input(key="train_width").set_value(8)
    app.selectbox(key="train_orthogonality").set_value(0.01)
    app.selectbox(key="train_architecture").set_value("vgg16_bn")
    app.multiselect(key="train_forgets").set_value([7, 2])
    app.number_input(key="train_epochs").set_value(1)
    app.toggle(key="train_alternate").set_value(True)
    app.number_input(key="train_cutout").set_value(6)
    app.text_input(key="train_name").set_value("mine")
    run(app)
    app.selectbox(key="train_penalty").set_value("srip")
    app.toggle(key="train_flip").set_value(False)
    run(app)
    assert app.toggle(key="train_alternate").disabled  # nothing is mirrored, in turns or not
    expected = Recipe(
        width=8, orthogonality=0.01, architecture="vgg16_bn", forgets=(2, 7), epochs=1, penalty="srip", flip=False,
        alternate=True, cutout=6,
    )  # fmt: skip
    assert view(app).recipe == expected
    title = (
        "Train an orthogonal VGG-16 (batch norm) of width 8 on Fashion-MNIST without Pullover and Sneaker, one epoch."
    )
    assert heading(app) == title
    link = {name: str(value) for name, value in app.query_params.items()}
    again = opened(TRAIN, **{name: app.query_params[name] for name in link})
    assert view(again).recipe == expected and view(again).train_name == "mine"
    assert again.text_input(key="train_name").value == "mine"


def test_a_recipe_sets_everything_but_what_one_compares_with_it() -> None:
    app = opened(TRAIN, train_orthogonality="0.01", train_seed="3", train_epochs="2")
    assert app.selectbox(key="train_preset").value == "own"
    app.selectbox(key="train_preset").set_value("fashion-mnist-resnet18")
    run(app)
    assert view(app).recipe == recipes()["fashion-mnist-resnet18"].model_copy(
        update={"orthogonality": 0.01, "seed": 3}
    )


def test_recipes_for_the_chosen_images_stand_first() -> None:
    for dataset in ("fashion-mnist", "cifar100"):
        first = opened(TRAIN, train_dataset=dataset).selectbox(key="train_preset").options[0]
        assert first.startswith({"fashion-mnist": "Fashion-MNIST,", "cifar100": "CIFAR-100,"}[dataset])


def test_any_weight_can_be_typed_and_nonsense_is_refused_in_words() -> None:
    app = opened(TRAIN)
    session_value = app.selectbox(key="train_orthogonality")
    session_value.set_value(0.1)
    run(app)
    assert view(app).recipe.orthogonality == 0.1
    app.session_state["train_orthogonality"] = "0.005"
    app = opened(TRAIN, train_orthogonality="0.005")
    assert view(app).recipe.orthogonality == 0.005
    app = opened(TRAIN, train_orthogonality="a lot")
    assert any("Orthogonality cannot be “a lot”: choose a number from 0 to 1" in each.value for each in app.warning)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"train_name": "fashion-mnist-resnet18-w16-plain"}, "There is already a model"),
        ({"train_name": "../elsewhere"}, "not a path"),
        ({"train_architecture": "resnet9000"}, "There is no architecture “resnet9000”"),
        ({"train_forgets": "0-1-2-3-4-5-6-7-8"}, "at least two classes must be left to learn"),
        ({"train_forgets": "11"}, "The class to leave out does not exist"),
        ({"train_dataset": "nowhere"}, "There is no data set “nowhere”"),
        ({"train_dataset": "../../etc"}, "There is no data set “../../etc”"),
        ({"train_dataset": "x" * 500, "train_architecture": "y/" * 500}, "There is no data set “xxx"),
        ({"train_dataset": "cifar10"}, "Get the images of CIFAR-10 first."),
    ],
)
def test_what_cannot_be_trained_is_said_beside_the_button(link: dict[str, str], sentence: str) -> None:
    app = opened(TRAIN, **link)
    assert app.button(key="train_start").disabled
    assert sentence in text(app).replace("\\", "")


def test_an_interrupted_training_is_given_up_only_when_that_is_ticked(engine: Engine) -> None:
    state = TrainRequest(recipe=Recipe(), name="mine").state
    state.parent.mkdir(parents=True)
    state.write_text("of an older version")
    app = opened(TRAIN, train_name="mine")
    assert app.button(key="train_start").disabled
    assert "A training of “mine” was interrupted. “Try again” on Jobs goes on with it." in text(app)
    app.checkbox(key="train_anew_mine").check()
    run(app)
    assert "was interrupted" not in text(app)
    started(app)
    (asked,) = ledger().find()
    assert asked.model == "mine" and asked.request["restart"]
    assert not [box for box in app.checkbox if box.key == "train_anew_mine"]  # it is under way


def test_a_training_is_started_watched_and_cancelled(engine: Engine) -> None:
    app = opened(TRAIN, train_orthogonality="0.01")
    run_id, _ = at_work(app)
    asked = ledger().get(run_id)
    assert (asked.kind, asked.model, asked.dataset) == (
        "train",
        "fashion-mnist-resnet18-w16-orthogonal-2",
        "fashion-mnist",
    )
    assert "**Train ResNet-18, width 16, orthogonal, on Fashion-MNIST**" in text(app).replace("\\", "")
    assert len(app.get("plotly_chart")) == 3
    charts = "".join(chart.proto.spec for chart in app.get("plotly_chart"))
    for finding in ("Loss 1.250 after one epoch", "66.6\\u00a0% of calibration", "Filters overlap by 0.083"):
        assert finding.split("\\")[0] in charts
    assert app.text_input(key="train_name").placeholder.endswith("-3")  # the name is taken now
    app.button(key=f"job_pause_{run_id}").click()
    run(app)
    assert ledger().get(run_id).requested == "pause"
    app.button(key=f"job_cancel_{run_id}").click()
    run(app)
    assert ledger().get(run_id).requested == "cancel"
    assert app.button(key=f"job_cancel_{run_id}").disabled


def test_what_keeps_a_resumed_training_from_being_the_same_stands_outside_the_log(engine: Engine) -> None:
    app = opened(TRAIN)
    sentence = "Its weights will not be those of an unbroken run: precision (bfloat16, now float32)."
    progress = Progress(step=1, steps=9, metrics={"curves": [EPOCH], "differences": [sentence]})
    begin(started(app), progress)
    run(app)
    assert sentence in text(app).replace("\\", "")


def test_a_paused_training_is_resumed(engine: Engine) -> None:
    app = opened(TRAIN)
    run_id, attempt = at_work(app)
    attempt.pause()
    run(app)
    app.button(key=f"job_resume_{run_id}").click()
    run(app)
    assert ledger().get(run_id).state == "queued"


def test_a_failed_training_says_why_and_is_tried_again(engine: Engine) -> None:
    app = opened(TRAIN)
    run_id, attempt = at_work(app)
    attempt.fail("The disk is full.")
    run(app)
    assert [error.value for error in app.error] == ["The disk is full."]
    app.button(key=f"job_retry_{run_id}").click()
    run(app)
    assert ledger().get(run_id).state == "queued"


def test_a_finished_training_leads_to_forget(engine: Engine) -> None:
    app = opened(TRAIN, train_name="fresh")
    run_id, attempt = at_work(app)
    attempt.finish(
        Result(
            model="fashion-mnist-resnet18-w16-plain", metrics={"accuracy": {"test": 91.2}},
            timings={"optimisation": 180.0},
        )
    )  # fmt: skip
    run(app)
    assert "91.2 % of the test images right, trained in 3 min" in text(app)
    assert "About 3 min, judging by an earlier training here." in text(app)
    app.button(key=f"train_forget_{run_id}").click()
    run(app)
    assert view(app).model == "fashion-mnist-resnet18-w16-plain"
    assert view(app).train_name == "fresh"  # the settings of the page stay
    assert " → " in heading(app)


def test_a_model_that_was_written_elsewhere_is_said_to_be_there(engine: Engine) -> None:
    app = opened(TRAIN)
    _, attempt = at_work(app)
    attempt.finish(Result(model="mine", metrics={"path": "/elsewhere/mine.safetensors"}))
    run(app)
    assert "Its file is not in the folder of models: /elsewhere/mine.safetensors" in text(app).replace("\\", "")


def test_a_state_that_cannot_be_written_is_said_on_the_card(engine: Engine) -> None:
    app = opened(TRAIN)
    notice = "The state of the training could not be written."
    begin(started(app), Progress(step=1, steps=9, metrics={"curves": [EPOCH], "notice": notice}))
    run(app)
    assert [warning.value for warning in app.warning] == [notice]
