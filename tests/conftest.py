"""What all tests share: an empty home folder, and tiny data and models that nobody may write to."""

import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from orthoui.data import Dataset
from orthoui.evaluation import predictions, records, runner
from orthoui.evaluation.handovers import handovers
from orthoui.jobs.engine import close_engine
from orthoui.ledger import close_ledger
from orthoui.models import zoo as zoo_module
from orthoui.models.trained import TrainedModel
from orthoui.settings import settings
from tests.tiny import same_tensors, state_of, tiny_dataset, tiny_model

# the same examples in every run, and no time limit: the machine may be busy
hypothesis.settings.register_profile("orthoui", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("orthoui")

# tiny tensors gain nothing from a second thread, and waiting for one costs much on a busy machine
torch.set_num_threads(1)

CACHES = (settings, predictions.memo, handovers, runner._known_to_fall, records._records, zoo_module._zoo)

SLOW_FOLDERS = ("browser", "pages")
"""Folders whose files take longest, that first: what is long must not be begun last, by one process of several."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put slow files first; within a file the order stays."""
    here = Path(__file__).parent
    ranks = {here / folder: rank for rank, folder in enumerate(SLOW_FOLDERS)}
    items.sort(key=lambda item: ranks.get(item.path.parent, len(ranks)))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home folder of its own for every test, and nothing remembered from the test before."""
    folder = tmp_path / "home"
    monkeypatch.setenv("ORTHOUI_HOME", str(folder))
    for cache in CACHES:
        cache.cache_clear()
    yield folder
    close_engine()
    close_ledger()
    for cache in CACHES:
        cache.cache_clear()


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Streamlit's scripts take the place of ``__main__``, which every process spawned afterwards would import."""
    ours = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = ours


@pytest.fixture(scope="session")
def data() -> Dataset:
    """Four classes of tiny images."""
    return tiny_dataset()


@pytest.fixture(scope="session")
def model() -> Iterator[TrainedModel]:
    """A tiny ResNet-18; at the end of all tests it is checked that none of them wrote to it."""
    made = tiny_model()
    before = state_of(made.network)
    yield made
    assert same_tensors(made.network, before)


@pytest.fixture(scope="session")
def reference() -> TrainedModel:
    """The tiny model retrained without class 1."""
    return tiny_model(seed=5, forgets=(1,))


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predict in float32, whatever this machine is fast at."""
    training = [f"training.{module}" for module in ("parallel", "train", "muon")]
    for module in ("evaluation.runner", "evaluation.pipeline", *training):
        monkeypatch.setattr(f"orthoui.{module}.fast_dtype", lambda device: torch.float32)
