"""Fixtures of the page tests: few of the embedded images where a page is run many times, no shipped tables."""

from dataclasses import replace
from pathlib import Path

import pytest

from orthoui.data import Dataset, ImageSet, Split, balanced_positions, load_dataset
from orthoui.evaluation import privacy
from orthoui.paper import store

FEW: dict[Split, int] = {"train": 60, "calibration": 20, "test": 60}
PATCHED = ("models.trained", "ui.thumbnails")


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The embedded data set with 60 training, 20 calibration and 60 test images of every class."""
    whole = load_dataset("fashion-mnist")
    splits: dict[Split, ImageSet] = {
        split: whole[split].subset(balanced_positions(whole[split].labels, count, 0)) for split, count in FEW.items()
    }
    few = replace(whole, splits=splits)
    for module in PATCHED:
        monkeypatch.setattr(f"orthoui.{module}.load_dataset", lambda name: few)
    monkeypatch.setattr(privacy, "POOL_PER_CLASS", 20)
    return few


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the shipped tables."""
    folder = tmp_path / "shipped"
    monkeypatch.setattr(store, "folders", lambda: (folder, tmp_path / "home" / "paper"))
    return folder
