"""What the server does before and after the first visitor."""

import gc
from collections.abc import Iterator

import pytest

from orthoui.ui import server, warm


@pytest.fixture(autouse=True)
def searched_again() -> Iterator[None]:
    """Other tests need garbage to be found."""
    yield
    gc.unfreeze()


def test_jobs_are_taken_up_after_the_first_page_whatever_became_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def fails() -> None:
        done.append("page")
        raise OSError("no such file")

    monkeypatch.setattr(warm, "load_first_page", fails)
    monkeypatch.setattr(warm, "recover_jobs", lambda: done.append("jobs"))
    server.prepare()
    assert done == ["page", "jobs"]


def test_a_ledger_that_cannot_be_opened_does_not_stop_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(warm, "load_first_page", lambda: None)
    monkeypatch.setattr(warm, "recover_jobs", fails)
    server.prepare()


def test_what_is_loaded_at_the_start_is_not_searched_for_garbage_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(server, "warm_up", lambda: done.append("loaded"))
    monkeypatch.setattr(server, "take_up_jobs", lambda: done.append(f"apart: {gc.get_freeze_count() > 10_000}"))
    server.prepare()
    assert done == ["loaded", "apart: True"]
