"""A panel that is still at work gives way to a newer wish of the same person."""

from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

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
