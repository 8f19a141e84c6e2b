"""A training that was killed goes on to the same weights, bit for bit, or says why it cannot."""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from orthoui.data import Dataset
from orthoui.errors import CheckpointError
from orthoui.models.device import fast_dtype
from orthoui.training import train
from orthoui.training.loop import Training
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe
from orthoui.training.reports import Step
from orthoui.training.small_maps import SmallMapConv2d
from orthoui.training.state import KEY, State, epochs_kept, load_state, save_state
from orthoui.training.train import train_model
from orthoui.training.watching import StateFile
from tests.tiny import MEAN, STD, same_tensors, state_of
from tests.training.killed import KILLED_AFTER
from tests.training.killed import RECIPE as KILLED_RECIPE

ROOT = Path(__file__).resolve().parents[2]
RECIPE = Recipe(
    dataset="tiny", width=4, epochs=3, batch_size=20, learning_rate=0.05, orthogonality=0.01, penalty="srip", seed=5
)


def training(data: Dataset, recipe: Recipe = RECIPE) -> Training:
    return Training(data, recipe, (MEAN, STD), make_fabric(torch.device("cpu")))


class KilledError(Exception):
    """Stands for a SIGKILL between two steps."""


class KilledAt(StateFile):
    """Keeps a state after so many steps and stops the training a moment later."""

    def __init__(self, path: Path, at: int) -> None:
        super().__init__(path)
        self._left = at

    def wants_state(self, *, epoch_ended: bool) -> bool:
        self._left -= not epoch_ended
        return self._left == 0

    def keep(self, state: State) -> bool:
        super().keep(state)
        raise KilledError


@pytest.mark.parametrize(("at", "muon"), [(1, 0.0), (4, 0.0), (5, 0.0), (9, 0.0), (4, 0.05)])
def test_a_training_killed_at_any_step_ends_with_the_same_weights(
    data: Dataset, tmp_path: Path, at: int, muon: float
) -> None:
    recipe = RECIPE.model_copy(update={"muon": muon})
    unbroken = training(data, recipe)
    expected = state_of(unbroken.run(StateFile()))
    path = tmp_path / "state.safetensors"
    with pytest.raises(KilledError):
        training(data, recipe).run(KilledAt(path, at))
    state = load_state(path)
    assert state is not None
    again = training(data, recipe)
    assert again.resume(state) == []
    assert same_tensors(again.run(StateFile()), expected)
    left = {"seconds", "images_per_second"}
    assert [epoch.model_dump(exclude=left) for epoch in again.history] == [
        epoch.model_dump(exclude=left) for epoch in unbroken.history
    ]


def test_train_model_goes_on_by_itself_and_clears_up(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "load_dataset", lambda name: data)
    whole = train_model(RECIPE, tmp_path / "whole.safetensors")
    state = tmp_path / "state.safetensors"
    with pytest.raises(KilledError):
        train_model(RECIPE, tmp_path / "net.safetensors", KilledAt(state, 7))
    assert state.exists() and not (tmp_path / "net.safetensors").exists()
    card = train_model(RECIPE, tmp_path / "net.safetensors", StateFile(state))
    assert card.accuracy == whole.accuracy
    assert not state.exists()
    one, other = ((tmp_path / name).read_bytes() for name in ("whole.safetensors", "net.safetensors"))
    assert one[-1000:] == other[-1000:]


def test_a_watcher_may_stop_a_training(data: Dataset) -> None:
    def stop(step: Step) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        training(data).run(StateFile(on_step=stop))


def change_recipe(path: Path, data: Dataset) -> None:
    save_state(path, training(data, RECIPE.model_copy(update={"learning_rate": 0.04})).state())


def cut(path: Path, data: Dataset) -> None:
    save_state(path, training(data).state())
    path.write_bytes(path.read_bytes()[:-100])


def scribble(path: Path, data: Dataset) -> None:
    path.write_text("not a state")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (change_recipe, "another recipe or other images.*on the command line with --restart"),
        (cut, "cannot be read.*on the command line with --restart"),
        (scribble, "cannot be read"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_in_words(
    data: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path, Dataset], None],
    words: str,
) -> None:
    monkeypatch.setattr(train, "load_dataset", lambda name: data)
    path = tmp_path / "state.safetensors"
    damage(path, data)
    with pytest.raises(CheckpointError, match=words):
        train_model(RECIPE, tmp_path / "net.safetensors", StateFile(path))


def test_what_keeps_the_weights_from_being_the_same_is_named(data: Dataset) -> None:
    state = training(data).state()
    changes = {"threads": 99, "torch": "1.0", "precision": "float16", "instructions": "ABACUS"}
    here = state.numbers.origin
    state.numbers.origin = here.model_copy(update=changes)
    assert training(data).resume(state) == [
        f"version of torch (1.0, now {torch.__version__})",
        f"number of threads (99, now {torch.get_num_threads()})",
        f"precision (float16, now {here.precision})",
        f"instruction set of the processor (ABACUS, now {torch.backends.cpu.get_cpu_capability()})",
    ]


def test_a_gpu_repeats_nothing_bit_for_bit_and_says_so(data: Dataset) -> None:
    here = training(data).origin
    gpu = here.model_copy(update={"device": "NVIDIA H200"})
    assert here.differences(here) == []
    assert gpu.differences(gpu) == ["a GPU adds up in no fixed order"]


def test_the_precision_is_the_one_that_is_trained_in(data: Dataset) -> None:
    device = torch.device("cpu")
    doubled = Training(data, RECIPE, (MEAN, STD), make_fabric(device, "64-true"))
    assert doubled.origin.precision == "float64"
    assert training(data).origin.precision == {torch.bfloat16: "bfloat16"}.get(fast_dtype(device), "float32")


def test_an_older_state_opens_and_claims_no_difference(data: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    begun = training(data, RECIPE.model_copy(update={"epochs": 1}))
    begun.run(StateFile())
    numbers = begun.state().numbers.model_dump(mode="json")
    for field in ("precision", "instructions"):
        del numbers["origin"][field]
    for field in ("cosines", "least_penalty"):
        del numbers["history"][0][field]
    tensors = {name: tensor.contiguous() for name, tensor in begun.state().tensors.items()}
    save_file(tensors, path, {KEY: json.dumps(numbers)})
    state = load_state(path)
    assert state is not None and epochs_kept(path) == 1
    again = training(data, RECIPE.model_copy(update={"epochs": 1}))
    assert again.resume(state) == []
    assert (again.history[0].cosines, again.history[0].least_penalty) == ({}, 0)


@pytest.mark.timeout(60)
def test_a_process_that_is_killed_in_the_middle_of_an_epoch_loses_nothing(data: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    command = [sys.executable, "-m", "tests.training.killed", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == f"{KILLED_AFTER}\n":
                os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    state = load_state(path)
    assert state is not None and (state.numbers.epoch, state.numbers.step > 0) == (1, True)
    again, unbroken = training(data, KILLED_RECIPE), training(data, KILLED_RECIPE)
    assert again.resume(state) == []
    expected = state_of(unbroken.run(StateFile()))
    assert same_tensors(again.run(StateFile()), expected)


def test_a_full_disk_leaves_the_last_good_state(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.safetensors"
    watcher = StateFile(path)
    watcher.keep(training(data).state())
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    watcher.keep(training(data).state())
    assert path.read_bytes() == before
    assert "could not be kept" in caplog.text


def test_a_state_holds_no_pickle(data: Dataset, tmp_path: Path) -> None:
    save_state(tmp_path / "state.safetensors", training(data).state())
    content = (tmp_path / "state.safetensors").read_bytes()
    assert b"pickle" not in content and content[8:9] == b"{"


def test_the_trained_network_has_nothing_of_the_training_left_in_it(data: Dataset) -> None:
    network = training(data).run(StateFile())
    assert not any(hasattr(module, "_forward_module") for module in network.modules())
    assert {type(module) for module in network.modules() if "Norm" in type(module).__name__} == {nn.BatchNorm2d}
    assert not any(isinstance(module, SmallMapConv2d) for module in network.modules())
