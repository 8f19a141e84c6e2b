"""A panel at work gives way to a newer wish; watched jobs are drawn again as long as one is under way."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import cast

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from orthoui.errors import OrthoError
from orthoui.ledger import Run
from orthoui.ui import frame


@pytest.mark.parametrize(("fragments", "scope"), [(["panel"], "fragment"), (None, "app")])
def test_a_panel_starts_anew_when_a_control_was_moved_meanwhile(
    monkeypatch: pytest.MonkeyPatch, fragments: list[str] | None, scope: str
) -> None:
    requests, asked = ScriptRequests(), []
    context = SimpleNamespace(script_requests=requests, fragment_ids_this_run=fragments)
    monkeypatch.setattr(frame, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(frame.st, "rerun", lambda scope: asked.append(scope))
    frame.give_way()
    assert asked == []
    requests.request_rerun(RerunData(fragment_id="panel"))
    frame.give_way()
    assert asked == [scope]


def job(name: str, state: str) -> Run:
    return cast(Run, SimpleNamespace(id=name, state=state))


def watching(
    monkeypatch: pytest.MonkeyPatch, known: Sequence[Run], now: Sequence[Run] | OrthoError
) -> tuple[float | None, int]:
    """Draw a watched part once; return its pause between two drawings, and how often the whole page ran again."""
    pauses: list[float | None] = []
    again: list[bool] = []

    def fragment(drawn: Callable[[], None], run_every: float | None) -> Callable[[], None]:
        pauses.append(run_every)
        return drawn

    def draw() -> Sequence[Run]:
        if isinstance(now, OrthoError):
            raise now
        return now

    monkeypatch.setattr(frame.st, "fragment", fragment)
    monkeypatch.setattr(frame.st, "rerun", lambda: again.append(True))
    monkeypatch.setattr(frame.st, "error", lambda *_, **__: None)
    monkeypatch.setattr(frame.session, "write_link", lambda: None)
    frame.watched(draw, known)
    return pauses[0], len(again)


@pytest.mark.parametrize(
    ("known", "now", "again"),
    [
        ([job("a", "running")], [job("a", "running")], 0),
        ([job("a", "queued")], [job("a", "running")], 0),
        ([job("a", "running")], [job("a", "paused")], 1),
        ([job("a", "running")], [], 1),
        ([job("a", "running")], [job("b", "running")], 1),
        ([job("a", "running")], OrthoError("busy"), 0),
        ([], [job("a", "queued")], 1),
    ],
)
def test_the_page_runs_again_when_a_job_comes_ends_or_is_paused(
    monkeypatch: pytest.MonkeyPatch, known: Sequence[Run], now: Sequence[Run] | OrthoError, again: int
) -> None:
    assert watching(monkeypatch, known, now)[1] == again


@pytest.mark.parametrize(("states", "refreshes"), [((), False), (("paused",), False), (("paused", "queued"), True)])
def test_only_jobs_under_way_are_drawn_again_and_again(
    monkeypatch: pytest.MonkeyPatch, states: tuple[str, ...], refreshes: bool
) -> None:
    known = [job(str(place), state) for place, state in enumerate(states)]
    pause, _ = watching(monkeypatch, known, known)
    assert (pause is not None) == refreshes
