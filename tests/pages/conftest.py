"""Fixtures of the page tests: the embedded images, or few of them where a page is run many times."""

from dataclasses import replace

import pytest

from orthoui.data import Dataset, ImageSet, Split, balanced_positions, load_dataset
from orthoui.evaluation import privacy

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
