"""A model whose images are not on this machine: the page says what is missing and offers to get it."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from orthoui.ledger import ledger
from orthoui.models.checkpoints import save_checkpoint
from orthoui.models.zoo import PREFERRED_MODEL, zoo
from orthoui.training.orthogonality import filter_cosines
from tests.pages.engines import Engine, install
from tests.pages.opening import heading, opened, run, text, view
from tests.tiny import tiny_model

EXPLORE = ("pages/explore/forget.py", "pages/explore/channels.py", "pages/explore/heatmaps.py")


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return install(monkeypatch)


def keep(home: Path, name: str, dataset: str) -> None:
    made = tiny_model()
    (home / "models").mkdir(parents=True, exist_ok=True)
    save_checkpoint(
        home / "models" / f"{name}.safetensors", made.network, made.card.model_copy(update={"dataset": dataset})
    )


def pictures(app: AppTest) -> str:
    return "".join(part.proto.body for part in app.get("html"))


@pytest.mark.parametrize("page", EXPLORE)
def test_the_chooser_stays_and_the_images_can_be_got(home: Path, page: str, engine: Engine) -> None:
    keep(home, "away", "cifar10")
    app = opened(page, model="away")
    assert heading(app) == "The images of CIFAR-10 are not on this machine yet; nothing can be measured without them."
    assert "orthoui datasets get cifar10" in text(app)
    assert not app.error
    app.button(key="get_cifar10").click()
    run(app)
    assert [job.kind for job in ledger().find()] == ["get-dataset"]
    assert "It is on its way" in text(app)
    app.selectbox(key="model_choice").set_value(PREFERRED_MODEL)
    run(app)
    assert view(app).model == PREFERRED_MODEL


def test_what_needs_no_images_is_shown_without_them(home: Path) -> None:
    keep(home, "away", "cifar10")
    app = opened(EXPLORE[1], model="away")
    (table,) = (frame.value for frame in app.dataframe)
    network = zoo().get("away").network
    assert dict(zip(table["layer"], table["overlap"], strict=True)) == pytest.approx(filter_cosines(network))
    assert "Filter, 3 × 3: all 3 input channels" in pictures(app)
    app.selectbox(key="weights_layer").set_value("layer1.0.conv2")
    run(app)
    app.number_input(key="weights_channel").set_value(2)
    run(app)
    assert (view(app).layer, view(app).channel) == ("layer1.0.conv2", 2)
    assert "Filter, 3 × 3: all 4 input channels" in pictures(app)
    assert not app.error and not app.exception


@pytest.mark.parametrize("page", [*EXPLORE, "pages/lab/methods.py"])
def test_ones_own_images_cannot_be_got_but_a_place_is_named(home: Path, page: str) -> None:
    keep(home, "away", "flowers")
    app = opened(page, model="away")
    assert heading(app) == "The images of flowers that this model needs are not on this machine."
    assert "train/CLASS" in text(app)
    assert not [button for button in app.button if button.key and button.key.startswith("get_")]


def test_images_that_are_not_those_of_the_training_are_said(home: Path) -> None:
    model = zoo().get(PREFERRED_MODEL)
    (home / "models").mkdir(parents=True)
    other = model.card.model_copy(update={"images_digest": "others"})
    save_checkpoint(home / "models" / "other.safetensors", model.network, other)
    assert "not the very ones that this model was trained on" in text(opened(EXPLORE[1], model="other"))
    assert "not the very ones" not in text(opened(EXPLORE[1]))


def test_damaged_images_can_be_got_again(home: Path) -> None:
    keep(home, "away", "cifar10")
    (home / "data").mkdir()
    (home / "data" / "cifar-10-binary.tar.gz").write_bytes(b"cut off")
    app = opened(EXPLORE[1], model="away")
    assert "cannot be read" in text(app)
    app.button(key="get_cifar10").click()
    run(app)
    assert [job.kind for job in ledger().find()] == ["get-dataset"]


def test_of_an_imported_model_nothing_is_claimed_but_that_its_training_is_unknown(home: Path) -> None:
    model = zoo().get(PREFERRED_MODEL)
    (home / "models").mkdir(parents=True)
    imported = model.card.model_copy(update={"origin": "imported", "images_digest": ""})
    save_checkpoint(home / "models" / "theirs.safetensors", model.network, imported)
    said = text(opened(EXPLORE[1], model="theirs"))
    assert "Nobody here knows how this model was trained." in said
    assert "not the very ones" not in said


def test_runs_and_train_work_without_them(home: Path) -> None:
    keep(home, "away", "cifar10")
    for page in ("pages/lab/runs.py", "pages/lab/train.py", "pages/lab/jobs.py"):
        app = opened(page, model="away")
        assert not app.error
