"""Forgettings as runs: which one counts as the same, and by which code it was measured."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orthoui import __version__, provenance
from orthoui.data import Dataset
from orthoui.evaluation.pipeline import forget
from orthoui.forgetting.request import ForgetRequest
from orthoui.ledger import Ledger, NewRun
from orthoui.ledger.forgettings import record
from orthoui.models.trained import TrainedModel

Commit = Callable[[str], None]


@pytest.fixture
def at_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commit]:
    """Let the code come from a checkout at a commit of that name, as after a restart."""
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(provenance, "app_folder", lambda: tmp_path)

    def commit(name: str) -> None:
        said = subprocess.CompletedProcess([], 0, stdout=f"{name}\n")
        monkeypatch.setattr(provenance.subprocess, "run", lambda *_, **__: said)
        provenance.code_version.cache_clear()

    yield commit
    provenance.code_version.cache_clear()


def test_a_forgetting_is_stored_once_and_anew_after_a_change_of_the_code(
    model: TrainedModel, data: Dataset, tmp_path: Path, at_commit: Commit
) -> None:
    book = Ledger(tmp_path / "ledger.sqlite")
    *_, outcome = forget(model, data, ForgetRequest(classes=(1,)), None, membership=False)
    at_commit("aaaaaaa")
    first = record(book, outcome, model, "images")
    assert first is not None and first.version == f"{__version__}+aaaaaaa"
    assert record(book, outcome, model, "images") is None
    assert record(book, outcome, model, "other images") is not None
    compared = replace(outcome, reference="retrained since")
    assert record(book, compared, model, "images") is not None  # it is judged otherwise now
    assert record(book, compared, model, "images") is None
    at_commit("bbbbbbb")
    second = record(book, outcome, model, "images")
    assert second is not None and second.version == f"{__version__}+bbbbbbb"
    book.close()


def test_an_installed_copy_is_known_by_its_version_alone(at_commit: Commit, tmp_path: Path) -> None:
    (tmp_path / ".git").rmdir()
    at_commit("aaaaaaa")
    assert NewRun(kind="forget", title="Forget").version == __version__
