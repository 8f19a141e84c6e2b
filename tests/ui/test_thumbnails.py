"""Thumbnails of classes: those of the images as they are now."""

from dataclasses import replace

import pytest

from orthoui.data import SPLITS, Dataset
from orthoui.ui import thumbnails


def test_other_images_of_the_same_name_have_other_thumbnails(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = replace(data, classes=data.classes[:3], splits={split: data[split].without((3,)) for split in SPLITS})
    for version in (data, fewer, data):
        monkeypatch.setattr(thumbnails, "load_dataset", lambda name, found=version: found)
        assert len(thumbnails.class_thumbnails("changing")) == len(version.classes)
