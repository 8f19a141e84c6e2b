"""What a person does with a job: one button each, and a sentence where it cannot be done."""

from collections.abc import Callable
from typing import cast

import streamlit as st

from orthoui.errors import OrthoError
from orthoui.jobs.engine import engine
from orthoui.jobs.work import find_work
from orthoui.ledger import Run

PROBLEM = "jobs_problem"

Act = Callable[[str], object]


def buttons(run: Run) -> None:
    """Draw the buttons that make sense in the run's state."""
    with st.container(horizontal=True, gap="small", key=f"job_buttons_{run.id}"):
        if run.state == "paused":
            _button(run, "Resume", ":material/play_arrow:", engine().resume)
        elif not run.ended and run.requested != "cancel":
            if run.requested == "pause":
                _button(run, "Go on", ":material/play_arrow:", engine().resume)
            elif _pausable(run):
                _button(run, "Pause", ":material/pause:", engine().pause)
        if not run.ended:
            stopping = run.requested == "cancel"
            _button(run, "Stopping …" if stopping else "Cancel", ":material/stop_circle:", engine().cancel, stopping)
        elif run.state != "done":
            _button(run, "Try again", ":material/replay:", engine().retry)


def acted(act: Act, run_id: str) -> None:
    """Do something with a run, as a callback; what keeps it from being done is said above the jobs."""
    st.session_state.pop(PROBLEM, None)
    try:
        act(run_id)
    except OrthoError as error:
        st.session_state[PROBLEM] = str(error)


def problem() -> str | None:
    """Return what kept the last button from working, or jobs from starting; None when all is well."""
    return cast(str | None, st.session_state.get(PROBLEM)) or engine().problem


def _button(run: Run, label: str, icon: str, act: Act, disabled: bool = False) -> None:
    st.button(
        label,
        icon=icon,
        key=f"job_{act.__name__}_{run.id}",
        on_click=acted,
        args=(act, run.id),
        disabled=disabled,
    )


def _pausable(run: Run) -> bool:
    try:
        return find_work(run.kind, run.module).pausable
    except OrthoError:  # of a newer version, or of another installation: it can still be cancelled
        return False
