"""What the server does before and after the first visitor."""

import pytest

from orthoui.ui import server, warm


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
