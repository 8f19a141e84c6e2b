"""Getting a data set as a job: its progress, its log, its failure in words."""

from pathlib import Path

import pytest

from orthoui.data import DatasetEntry, available
from orthoui.errors import OrthoError
from orthoui.jobs import fetch
from orthoui.jobs.context import read_log
from orthoui.jobs.execute import run_here
from orthoui.jobs.fetch import FetchRequest
from orthoui.ledger import Progress
from tests.data.made import class_files, put


def entry(name: str) -> DatasetEntry:
    return next(found for found in available() if found.name == name)


def test_ones_own_images_are_made_ready(home: Path) -> None:
    put(home / "data" / "pets", class_files())
    assert not entry("pets").images
    request, seen = FetchRequest(name="pets"), list[Progress]()
    run = run_here("get-dataset", request, request.title, identity=request.identity, show=seen.append)
    assert (run.state, run.dataset, run.title) == ("done", "pets", "Get the images of pets")
    assert run.metrics == {"classes": 2, "images": dict(entry("pets").images)}
    assert seen[-1].share == 1.0 and all(progress.message for progress in seen)
    assert "Reading images" in read_log(run)


def test_what_cannot_be_had_fails_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(name: str, report: object) -> None:
        raise OrthoError(f"{name} cannot be reached.")

    monkeypatch.setattr(fetch, "fetch_dataset", unreachable)
    with pytest.raises(OrthoError, match=r"cifar10 cannot be reached\."):
        run_here("get-dataset", FetchRequest(name="cifar10"), "Get it")


def test_the_title_says_how_much_it_is() -> None:
    assert FetchRequest(name="cifar10").title == "Get the images of CIFAR-10 (170 MB)"
