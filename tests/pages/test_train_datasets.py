"""The images that the Train page offers: present, to be got, or a person's own, and the settings they bring."""

from pathlib import Path

import pytest

from orthoui.jobs.planning import Estimate
from orthoui.ledger import ledger
from orthoui.training.recipe import Recipe, recipes
from orthoui.ui.train.datasets import look_again
from tests.data.made import class_files, put
from tests.pages.engines import Engine, begin, install
from tests.pages.opening import opened, run, text, view

TRAIN = "pages/lab/train.py"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    look_again()
    return install(monkeypatch)


def test_ones_own_images_are_listed_and_read(engine: Engine, home: Path) -> None:
    put(home / "data" / "flowers", class_files(train=12, test=0, classes=("iris", "poppy")))
    app = opened(TRAIN, train_dataset="flowers")
    assert "have not been read yet" in text(app)
    assert not app.button(key="train_start").disabled
    app.button(key="get_flowers").click()
    run(app)
    (job,) = ledger().find()
    assert (job.kind, job.dataset, job.title) == ("get-dataset", "flowers", "Get the images of flowers")
    assert "It is on its way" in text(app)


def test_few_images_of_ones_own_get_small_batches_and_too_few_steps_are_said(engine: Engine, home: Path) -> None:
    put(home / "data" / "flowers", class_files(train=30, test=0, classes=("iris", "poppy", "rose")))
    app = opened(TRAIN, train_epochs="3")
    assert not app.warning
    app.selectbox(key="train_dataset").set_value("flowers")
    run(app)
    assert view(app).recipe == Recipe(dataset="flowers", epochs=3, batch_size=8)
    assert "60 images an epoch, 21 steps in all." in text(app)
    (warning,) = app.warning
    assert warning.value.startswith("21 steps in all: so few hardly teach a network anything.")
    app.number_input(key="train_epochs").set_value(20)
    run(app)
    assert not app.warning and "140 steps in all." in text(app)
    app.selectbox(key="train_dataset").set_value("fashion-mnist")
    run(app)
    assert view(app).recipe == Recipe(epochs=20)


def test_a_chosen_data_set_brings_its_shipped_recipe_and_its_width_where_that_is_soon_done(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = recipes()["cifar10-resnet18"]
    app = opened(TRAIN, train_orthogonality="0.01")
    app.selectbox(key="train_dataset").set_value("cifar10")
    run(app)
    assert view(app).recipe == shipped.model_copy(update={"orthogonality": 0.01, "width": 16})
    known = Estimate(seconds=600, runs=1, rough=False)
    monkeypatch.setattr("orthoui.ui.train.choice.estimate", lambda recipe, book: known)
    app = opened(TRAIN)
    app.selectbox(key="train_dataset").set_value("cifar10")
    run(app)
    assert view(app).recipe == shipped


def test_a_data_set_that_is_not_here_is_got(engine: Engine) -> None:
    app = opened(TRAIN, train_dataset="cifar10")
    assert app.button(key="get_cifar10").label == "Get CIFAR-10 (170 MB)"
    app.button(key="get_cifar10").click()
    run(app)
    (job,) = ledger().find()
    begin(job.id).fail("The server cannot be reached.")
    app = opened(TRAIN, train_dataset="cifar10")
    assert [error.value for error in app.error] == ["The server cannot be reached."]
    assert app.button(key="get_cifar10")
