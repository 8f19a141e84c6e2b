"""``orthoui train``: what it writes, and what it refuses before a single step."""

from pathlib import Path
from typing import Any

import pytest
import typer

from orthoui.cli.app import app
from orthoui.cli.train import _advice, _checked_recipe
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import load_checkpoint
from orthoui.training.orthogonality import filter_cosines
from orthoui.training.recipe import Recipe, recipe_named
from orthoui.training.train import train_model
from orthoui.training.watching import StateFile
from tests.cli.calling import answer, call, refusal
from tests.cli.conftest import RECIPE, tiny


def test_the_answer_describes_the_checkpoint(trained: tuple[Path, dict[str, Any]]) -> None:
    home, said = trained
    assert said["path"] == str(home / "models" / "tiny.safetensors")
    network, card = load_checkpoint(Path(said["path"]))
    assert said["recipe"] == card.recipe
    assert (card.recipe["epochs"], card.recipe["flip"], card.recipe["orthogonality"]) == (2, False, 0.001)
    assert said["accuracy"] == card.accuracy
    assert said["filter_cosine"] == pytest.approx(filter_cosines(network), abs=1e-6)
    assert said["mean_filter_cosine"] == pytest.approx(sum(said["filter_cosine"].values()) / 20)


def test_people_see_epochs_accuracy_and_orthogonality(home: Path, tmp_path: Path) -> None:
    result = call(f"train {RECIPE} --out '{tmp_path}'")
    assert (tmp_path / "tiny-resnet18-w4-orthogonal.safetensors").exists()
    assert "epoch 1 of 2: loss " in result.stderr and "epoch 2 of 2: loss " in result.stderr
    assert "above its least, accuracy" in result.stderr and "images/s" in result.stderr
    assert "of the test images right" in result.stdout
    assert "layer4.1.conv2" in result.stdout and "mean of all layers" in result.stdout


def test_a_recipe_can_come_from_a_file_of_ones_own(home: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('dataset = "tiny"\nwidth = 4\nepochs = 1\nbatch_size = 20\ncutout = 3\n')
    said = answer(f"train --recipe '{own}' --seed 5 --out '{tmp_path}'")
    expected = Recipe(dataset="tiny", width=4, epochs=1, batch_size=20, cutout=3, seed=5)
    assert said["recipe"] == expected.model_dump(mode="json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "The recipe mine.toml cannot be read"),
        ("width = ", "The recipe mine.toml cannot be read"),
        ("width = 2", "Width cannot be 2"),
        ("depth = 2", "There is no option Depth"),
    ],
)
def test_a_recipe_that_is_none_is_refused_in_words(
    home: Path, tmp_path: Path, content: str | None, words: str
) -> None:
    own = tmp_path / "mine.toml"
    if content is not None:
        own.write_text(content)
    assert words in refusal(f"train --recipe '{own}'")


def test_a_reference_never_sees_its_class(home: Path, tmp_path: Path) -> None:
    said = answer(f"train {RECIPE} --forget Stripe --out '{tmp_path}'")
    assert said["model"] == "tiny-resnet18-w4-orthogonal-without-0"
    assert said["recipe"]["forgets"] == [0]


def test_a_model_is_replaced_only_on_purpose(home: Path) -> None:
    path = home / "models" / "tiny.safetensors"
    before = path.stat().st_mtime_ns
    assert "There is already a model tiny" in refusal(f"train {RECIPE} --name tiny")
    assert path.stat().st_mtime_ns == before
    assert call(f"train {RECIPE} --name tiny --epochs 1 --force").exit_code == 0
    assert load_checkpoint(path)[1].recipe["epochs"] == 1


def test_an_embedded_model_is_not_hidden_by_accident(home: Path) -> None:
    said = refusal("train --width 16 --name fashion-mnist-resnet18-w16-plain")
    assert "There is already a model fashion-mnist-resnet18-w16-plain" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--dataset imaginary", "There is no data set “imaginary”. Choose one of: fashion-mnist"),
        ("--architecture perceptron", "There is no architecture “perceptron”. Choose one of: resnet18"),
        ("--forget 9", "There is no class “9”. Choose one of: 0 (stripe)"),
        ("--forget 0,2", "stripe and dark cannot be left out: at least two classes must be left to learn."),
        ("--forget ''", "--forget names no class."),
        ("--epochs 0", "Epochs cannot be 0: choose a whole number from 1 to 1,000."),
        ("--learning-rate 0", "Learning rate cannot be 0: choose a number above 0 and of at most 10."),
        ("--momentum 1", "Momentum cannot be 1: choose a number of at least 0 and below 1."),
        ("--ortho-layers some", "Ortho layers cannot be “some”: choose all, no_stem or no_1x1."),
        ("--name ../elsewhere", "“../elsewhere” cannot be a model's name"),
        ("--name ''", "“” cannot be a model's name"),
    ],
)
def test_refused_before_training(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: str, words: str
) -> None:
    monkeypatch.setattr("orthoui.jobs.train.train_model", lambda *_: pytest.fail("training was started"))
    assert words in refusal(f"train {RECIPE} --out '{tmp_path}' {options}")
    assert list(tmp_path.glob("*.safetensors")) == []


def test_another_process_goes_on_from_the_same_state_and_answers_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("orthoui.training.train.train_model", lambda *asked: seen.append(asked))
    result = call(f"train {RECIPE} --name mine --out '{tmp_path}' --json")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    ((_, path, watcher),) = seen
    assert path == tmp_path / "mine.safetensors"
    assert watcher.path == home / "training" / "mine.state.safetensors"


def test_what_keeps_a_resumed_training_from_the_same_weights_is_printed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def goes_on(recipe: Recipe, path: Path, watcher: StateFile) -> ModelCard:
        watcher.resumed((), ["precision (bfloat16, now float32)", "number of threads (1, now 2)"])
        return train_model(recipe, path, watcher)

    monkeypatch.setattr("orthoui.jobs.train.train_model", goes_on)
    said = call(f"train {RECIPE} --out '{tmp_path}'").stderr
    for difference in ("precision (bfloat16, now float32)", "number of threads (1, now 2)"):
        assert said.count(f"Its weights will not be those of an unbroken run: {difference}.") == 1


def test_a_folder_that_cannot_be_made_is_refused_before_training(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "cannot be made" in refusal(f"train {RECIPE} --out '{tmp_path}/file/models'")


def test_a_full_disk_is_a_failed_run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("orthoui.jobs.train.train_model", full)
    result = call(f"train {RECIPE} --out '{tmp_path}' --json")
    assert result.exit_code == 1
    assert "could not be written (No space left on device)" in result.stderr


def test_a_set_of_ones_own_is_trained_in_steps_enough_or_it_is_said(home: Path, tmp_path: Path) -> None:
    asked = f"train --dataset tiny --width 4 --epochs 2 --out '{tmp_path}'"
    said = call(f"{asked} --name few").stderr
    assert "Note: Steps of 8 images, because there are few" in said
    assert "Note: 14 steps in all: so few hardly teach a network anything." in said
    assert load_checkpoint(tmp_path / "few.safetensors")[1].recipe["batch_size"] == 8
    assert answer(f"{asked} --batch-size 20")["recipe"]["batch_size"] == 20


def test_what_is_not_given_is_as_in_the_shipped_recipe_but_for_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orthoui.data.load_dataset", lambda name: tiny())
    shipped, asked = recipe_named("cifar10-resnet18"), {"dataset": "cifar10", "epochs": "3"}
    recipe = _checked_recipe(None, asked, None)
    assert recipe == shipped.model_copy(update={"epochs": 3, "width": 16})
    assert "as in the recipe cifar10-resnet18, at a width of 16" in _advice(recipe, asked, named=False, plain=True)[0]
    assert _checked_recipe(None, {}, None) == Recipe()  # as the embedded models were trained
    assert _checked_recipe("cifar10-resnet18", {}, None) == shipped


def test_options_are_the_recipes_fields() -> None:
    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    assert set(Recipe.model_fields) - {"forgets"} <= {option.name for option in command.params}
