"""Training as a run: recorded, resumed by name, paused at a state, never twice at once."""

import errno
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock

from orthoui.data import Dataset
from orthoui.errors import CancelledError, PausedError, RequestError
from orthoui.jobs.context import Context, read_log
from orthoui.jobs.execute import run_here
from orthoui.jobs.train import TrainRequest
from orthoui.ledger import ledger
from orthoui.models.checkpoints import load_checkpoint
from orthoui.training import train as training
from orthoui.training.loop import Training
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe
from orthoui.training.state import State, save_state
from tests.tiny import MEAN, STD, same_tensors, state_of

RECIPE = Recipe(dataset="tiny", width=4, epochs=2, batch_size=20, learning_rate=0.05, orthogonality=0.01)
REQUEST = TrainRequest(recipe=RECIPE)


@pytest.fixture(autouse=True)
def tiny(home: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "load_dataset", lambda name: data)


def test_a_training_is_a_run_with_curves_accuracy_and_a_model(home: Path) -> None:
    run = run_here("train", REQUEST, REQUEST.title, identity=REQUEST.identity)
    assert (run.state, run.model, run.dataset, run.seed) == ("done", "tiny-resnet18-w4-orthogonal", "tiny", 0)
    assert run.title == "Train ResNet-18, width 4, orthogonal, on tiny"
    _, card = load_checkpoint(home / "models" / "tiny-resnet18-w4-orthogonal.safetensors")
    assert run.metrics["accuracy"] == card.accuracy
    assert run.data_digest == card.images_digest
    assert run.timings["optimisation"] > 0
    assert not REQUEST.state.exists()


@pytest.mark.parametrize(("asked", "error"), [("cancelled", CancelledError), ("paused", PausedError)])
def test_a_stopped_training_goes_on_to_the_same_weights(
    home: Path, monkeypatch: pytest.MonkeyPatch, asked: str, error: type[Exception]
) -> None:
    whole = TrainRequest(recipe=RECIPE, name="whole")
    run_here("train", whole, "whole")
    steps = iter(range(1000))
    with monkeypatch.context() as patch:
        patch.setattr("orthoui.training.loop.TOLD_EVERY", 0)
        patch.setattr(Context, asked, lambda context: next(steps) > 8)
        with pytest.raises(error):
            run_here("train", REQUEST, "stopped")
    assert REQUEST.state.exists() and not REQUEST.path.exists()
    run_here("train", REQUEST, "again")
    expected, _ = load_checkpoint(whole.path)
    assert same_tensors(load_checkpoint(REQUEST.path)[0], state_of(expected))


def test_a_state_that_cannot_be_written_is_said_and_not_tried_at_every_step(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Path] = []

    def full(path: Path, state: State) -> None:
        tries.append(path)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("orthoui.training.watching.save_state", full)
    monkeypatch.setattr("orthoui.training.loop.TOLD_EVERY", 0)
    monkeypatch.setattr(Context, "paused", lambda context: True)
    run = run_here("train", REQUEST, "on a full disk")
    assert run.state == "done" and len(tries) == 1
    assert run.progress is not None
    notice = run.progress.metrics["notice"]
    assert f"could not be written to {REQUEST.state.parent} (the disk is full)." in notice
    assert "cannot be paused" in notice and "tried again every minute" in notice
    assert read_log(run).count(notice) == 1


def test_a_pause_takes_effect_once_there_is_room_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[Path] = []

    def full_once(path: Path, state: State) -> None:
        tries.append(path)
        if len(tries) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        save_state(path, state)

    monkeypatch.setattr("orthoui.training.watching.save_state", full_once)
    monkeypatch.setattr("orthoui.training.watching.RETRY_SECONDS", 0)
    monkeypatch.setattr(Context, "paused", lambda context: True)
    with pytest.raises(PausedError):
        run_here("train", REQUEST, "paused")
    assert len(tries) == 2 and REQUEST.state.exists()


def test_what_keeps_it_from_the_same_weights_and_the_cosines_of_every_layer_are_told(
    home: Path, data: Dataset
) -> None:
    state = Training(data, RECIPE, (MEAN, STD), make_fabric(torch.device("cpu"))).state()
    state.numbers.origin = state.numbers.origin.model_copy(update={"precision": "float16"})
    REQUEST.state.parent.mkdir(parents=True)
    save_state(REQUEST.state, state)
    run = run_here("train", REQUEST, "again")
    assert run.progress is not None
    (sentence,) = run.progress.metrics["differences"]
    assert sentence.startswith("Its weights will not be those of an unbroken run: precision (float16, now ")
    text = read_log(run)
    assert sentence in text
    assert text.count("between the filters of each layer: conv1 0.") == RECIPE.epochs
    assert "above its least (28)" in text
    assert all("cosines" not in curve for curve in run.progress.metrics["curves"])


def test_the_curves_move_inside_an_epoch(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orthoui.training.loop.TOLD_EVERY", 0)
    monkeypatch.setattr("orthoui.training.loop.MOMENT_EVERY", 0)
    monkeypatch.setattr("orthoui.jobs.train.MOST_MOMENTS", 4)
    told: list[tuple[int, list[float]]] = []
    report = Context.progress

    def spy(context: Context, *given: Any, **named: Any) -> None:
        metrics = given[4]
        told.append((len(metrics["curves"]), [moment["inside"] for moment in metrics.get("moments", ())]))
        report(context, *given, **named)

    monkeypatch.setattr(Context, "progress", spy)
    run = run_here("train", REQUEST, REQUEST.title)
    assert (0, [1 / 6]) in told and (1, [1 / 6]) in told  # six steps an epoch
    assert max(len(moments) for _, moments in told) == 4
    assert all(moments == sorted(moments) and (not moments or moments[-1] < 1) for _, moments in told)
    assert run.progress is not None and "moments" not in run.progress.metrics


def test_restart_begins_anew(home: Path) -> None:
    REQUEST.state.parent.mkdir(parents=True)
    REQUEST.state.write_text("of an older version")
    assert run_here("train", REQUEST.model_copy(update={"restart": True}), "anew").state == "done"


def test_the_same_model_is_not_trained_twice_at_once(home: Path) -> None:
    REQUEST.state.parent.mkdir(parents=True)
    with FileLock(f"{REQUEST.state}.lock"), pytest.raises(RequestError, match="is being trained already"):
        run_here("train", REQUEST, "second")
    (run,) = ledger().find()
    assert run.state == "failed" and "is being trained already" in (run.error or "")


@pytest.mark.parametrize("name", ["../elsewhere", ".hidden", "a/b"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        TrainRequest(recipe=RECIPE, name=name)


def test_a_name_fits_into_a_files_name_in_any_script() -> None:
    with pytest.raises(ValueError, match="must be shorter: at most 200 letters, fewer where they take several bytes"):
        TrainRequest(recipe=RECIPE, name=100 * "क")
    assert TrainRequest(recipe=RECIPE, name=60 * "क").model == 60 * "क"
