"""Training with a scheme: what it goes on from after an interruption, and classes that are left out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orthoui.data import Dataset
from orthoui.errors import CheckpointError, RequestError
from orthoui.models.checkpoints import load_checkpoint, weights_digest
from orthoui.training import train as plain
from orthoui.training.recipe import Recipe
from orthoui.training.schemes import train as schemes
from orthoui.training.schemes.options import AmnesiacScheme, Scheme, SisaScheme
from orthoui.training.schemes.preparation import folder_of, read_about
from orthoui.training.schemes.train import train_with_scheme
from orthoui.training.state import Epoch
from orthoui.training.train import train_model
from orthoui.training.watching import StateFile
from tests.tiny import same_tensors, state_of

RECIPE = Recipe(dataset="tiny", width=4, epochs=2, batch_size=20, learning_rate=0.05, crop_padding=0, flip=False)
MIXED, PURE = AmnesiacScheme(log_batches="mixed"), AmnesiacScheme(log_batches="pure")


class StoppedError(Exception):
    """Stands for a SIGKILL at the end of an epoch."""


@pytest.fixture(autouse=True)
def tiny(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (plain, schemes):
        monkeypatch.setattr(module, "load_dataset", lambda name: data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.safetensors"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "own.state.safetensors"


def train(scheme: Scheme | None, path: Path, watcher: StateFile, recipe: Recipe = RECIPE) -> None:
    if scheme is None:
        train_model(recipe, path, watcher)
    else:
        train_with_scheme(scheme, recipe, path, watcher)


def stopped_in(number: int) -> Callable[[Epoch], None]:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == number:
            raise StoppedError

    return stop


@pytest.mark.parametrize("before", [None, MIXED], ids=["plain", "mixed"])
def test_a_log_begins_anew_where_another_training_was_interrupted(
    path: Path, state: Path, before: AmnesiacScheme | None
) -> None:
    with pytest.raises(StoppedError):
        train(before, path, StateFile(state, on_epoch=stopped_in(2)))
    assert state.exists()
    train(PURE, path, StateFile(state))
    about = read_about(folder_of(path, "amnesiac"))
    assert about is not None and about.steps == (4, 4, 4, 4)


def test_a_plain_training_does_not_go_on_from_a_logged_one(path: Path, state: Path) -> None:
    with pytest.raises(StoppedError):
        train(PURE, path, StateFile(state, on_epoch=stopped_in(2)))
    with pytest.raises(CheckpointError, match="--restart"):
        train(None, path, StateFile(state))


def test_more_disk_does_not_throw_finished_stages_away(path: Path) -> None:
    scheme = SisaScheme(shards=2, slices=2, slice_epochs=1)
    seen: list[int] = []
    with pytest.raises(StoppedError):
        train(scheme, path, StateFile(on_epoch=stopped_in(3)))
    larger = scheme.model_copy(update={"disk_gb": 30.0})
    train(larger, path, StateFile(on_epoch=lambda epoch: seen.append(epoch.epoch)))
    assert seen == [3, 4]
    about = read_about(folder_of(path, "sisa"))
    assert about is not None and about.scheme == larger


def test_model_and_preparation_stay_until_both_are_replaced(path: Path, state: Path) -> None:
    scheme = SisaScheme(shards=2, slices=2, slice_epochs=1)
    train(scheme, path, StateFile())
    folder = folder_of(path, "sisa")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    recipe = RECIPE.model_copy(update={"seed": 5})
    with pytest.raises(StoppedError):
        train(scheme, path, StateFile(state, on_epoch=stopped_in(2)), recipe)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    about = read_about(folder)
    assert about is not None and about.weights == weights_digest(load_checkpoint(path)[0])
    train(scheme, path, StateFile(state), recipe)
    about = read_about(folder)
    assert about is not None and about.recipe == recipe and about.weights == weights_digest(load_checkpoint(path)[0])
    assert [entry.name for entry in path.parent.iterdir() if entry.is_dir()] == [folder.name]


@pytest.mark.parametrize("scheme", [MIXED, SisaScheme(shards=2, slices=1)], ids=["amnesiac", "sisa"])
def test_a_training_killed_at_its_very_end_is_finished_without_a_step(
    path: Path, state: Path, scheme: Scheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(unfinished: Path, folder: Path) -> None:
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(schemes, "put_in_place", killed)
        with pytest.raises(StoppedError):
            train(scheme, path, StateFile(state))
    assert not folder_of(path, scheme.kind).exists()
    seen: list[int] = []
    train(scheme, path, StateFile(state, on_epoch=lambda epoch: seen.append(epoch.epoch)))
    about = read_about(folder_of(path, scheme.kind))
    assert not seen and about is not None and about.weights == weights_digest(load_checkpoint(path)[0])


def test_a_shard_of_nothing_but_a_left_out_class_is_left_out_of_the_mean(path: Path) -> None:
    scheme = SisaScheme(shards=4, slices=1, slice_epochs=1, packing="class")
    seen: list[tuple[int, int]] = []
    recipe = RECIPE.model_copy(update={"forgets": (1,)})
    train(scheme, path, StateFile(on_epoch=lambda epoch: seen.append((epoch.epoch, epoch.epochs))), recipe)
    network, card = load_checkpoint(path)
    assert len(network.members) == 3 and card.title == "mean of 3 × ResNet-18, width 4, plain"
    assert card.forgets == (1,)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_stages_before_the_first_image_are_counted_as_done(path: Path, tmp_path: Path) -> None:
    scheme = SisaScheme(shards=2, slices=4, slice_epochs=1, packing="class")
    seen: list[int] = []
    recipe = RECIPE.model_copy(update={"forgets": (0,)})  # half of the first shard: its first two slices
    train(scheme, tmp_path / "whole.safetensors", StateFile(), recipe)
    with pytest.raises(StoppedError):
        train(scheme, path, StateFile(on_epoch=stopped_in(4)), recipe)
    train(scheme, path, StateFile(on_epoch=lambda epoch: seen.append(epoch.epoch)), recipe)
    assert seen == [4, 5, 6, 7, 8]
    whole, _ = load_checkpoint(tmp_path / "whole.safetensors")
    assert same_tensors(load_checkpoint(path)[0], state_of(whole))


@pytest.mark.parametrize("scheme", [MIXED, SisaScheme(shards=2, slices=1)], ids=["amnesiac", "sisa"])
def test_classes_that_cannot_be_left_out_are_refused_before_training(path: Path, scheme: Scheme) -> None:
    with pytest.raises(RequestError, match="at least two classes must be left to learn"):
        train(scheme, path, StateFile(), RECIPE.model_copy(update={"forgets": (0, 1, 2)}))
    assert not list(path.parent.glob("own*"))
