"""A zoo of tiny networks, plain, orthogonal and retrained, in the test's own home folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orthoui.data import DATASETS, catalog
from orthoui.models.checkpoints import save_checkpoint
from orthoui.models.zoo import Zoo, zoo
from orthoui.paper.setting import Setting
from tests.tiny import random_network, tiny_card, tiny_dataset

SETTING = Setting(dataset="tiny", width=4)


def add_model(home: Path, name: str, seed: int = 0, **card: object) -> None:
    save_checkpoint(home / "models" / f"{name}.safetensors", random_network(seed=seed), tiny_card(seed=seed, **card))


@pytest.fixture
def tiny_data(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The tiny data set by name, and no models."""
    monkeypatch.setitem(DATASETS._entries, "tiny", tiny_dataset)
    catalog._load.cache_clear()
    yield home
    catalog._load.cache_clear()


@pytest.fixture
def models(tiny_data: Path) -> Zoo:
    """One plain and one orthogonal tiny network."""
    add_model(tiny_data, "tiny-plain", orthogonality=0.0)
    add_model(tiny_data, "tiny-orthogonal", orthogonality=0.01)
    return zoo()
