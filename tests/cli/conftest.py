"""A tiny data set and a tiny model trained on it through the command line, in a home folder of their own."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from orthoui.data import DATASETS, SPLITS, Dataset, ImageSet, catalog
from orthoui.evaluation import records
from orthoui.ledger import close_ledger
from orthoui.models.zoo import _zoo
from orthoui.settings import settings
from tests.cli.calling import call

CLASSES = ("stripe", "bar", "dark")
RECIPE = "--dataset tiny --width 4 --epochs 2 --batch-size 20 --orthogonality 0.001 --no-flip --crop-padding 0"


def tiny() -> Dataset:
    """Three classes of 8×8 images, told apart by where they are light: 20 of each per split."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat_interleave(20)
    splits = {}
    for split in SPLITS:
        images = torch.randint(0, 60, (60, 1, 8, 8), generator=generator, dtype=torch.uint8)
        images[labels == 0, :, 2:4] = 250
        images[labels == 1, :, :, 5:] = 250
        splits[split] = ImageSet(images, labels)
    return Dataset("tiny", "Tiny patterns", CLASSES, splits, source="made by a test")


def forget_caches() -> None:
    close_ledger()  # that of the other home
    for cached in (settings, _zoo, catalog._load, records._records):
        cached.cache_clear()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Home folder with a model trained by ``orthoui train``, and what that command answered."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        _settle(patch, home)
        result = call(f"train {RECIPE} --name tiny --json")
    forget_caches()
    assert result.exit_code == 0, result.stderr
    return home, json.loads(result.stdout)


@pytest.fixture
def home(trained: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of that home folder in place of the empty one that other tests get."""
    folder = tmp_path / "home"
    shutil.copytree(trained[0], folder)
    _settle(monkeypatch, folder)
    yield folder
    forget_caches()


def _settle(patch: pytest.MonkeyPatch, home: Path) -> None:
    patch.setenv("ORTHOUI_HOME", str(home))
    patch.setenv("COLUMNS", "200")
    patch.setitem(DATASETS._entries, "tiny", tiny)
    forget_caches()
