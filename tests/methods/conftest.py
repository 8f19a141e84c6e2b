"""Tiny models whose training left something behind, for the methods that need it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from orthoui.data import Dataset
from orthoui.methods import Method
from orthoui.models.checkpoints import load_checkpoint
from orthoui.models.trained import TrainedModel, resident
from orthoui.training.recipe import Recipe
from orthoui.training.schemes import train as training
from orthoui.training.schemes.options import AmnesiacScheme, SisaScheme

RECIPE = Recipe(dataset="tiny", width=4, epochs=2, batch_size=20, learning_rate=0.05, crop_padding=0, flip=False)
SCHEMES = {
    "amnesiac": AmnesiacScheme(log_batches="pure"),
    "sisa": SisaScheme(shards=2, slices=2, slice_epochs=1),
    "packed": SisaScheme(shards=2, slices=4, slice_epochs=1, packing="class"),
}


@pytest.fixture(scope="session")
def trained_folder(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of every scheme and what is beside it."""
    folder = tmp_path_factory.mktemp("schemes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORTHOUI_DEVICE", "cpu")
        patch.setattr(training, "load_dataset", lambda name: data)
        for name, scheme in SCHEMES.items():
            training.train_with_scheme(scheme, RECIPE, folder / f"{name}.safetensors")
    return folder


@pytest.fixture
def prepared(trained_folder: Path, home: Path) -> Callable[[str], TrainedModel]:
    """Return a model of a scheme, with its preparation in the home folder."""
    shutil.copytree(trained_folder, home / "models")

    def load(name: str) -> TrainedModel:
        network, card = load_checkpoint(home / "models" / f"{name}.safetensors")
        return resident(name, card, network, torch.device("cpu"))

    return load


@pytest.fixture
def fitting(model: TrainedModel, prepared: Callable[[str], TrainedModel]) -> Callable[[Method], TrainedModel]:
    """Return a model that a method can be used on."""
    return lambda method: prepared(method.name) if "preparation" in method.needs else model
