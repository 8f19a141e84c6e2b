"""One job as a card: what it is, how far it is, what can be done with it, its log."""

from datetime import UTC, datetime

import streamlit as st

from orthoui.jobs.context import read_log
from orthoui.ledger import Run
from orthoui.ui.frame import literal
from orthoui.ui.jobs.acting import buttons
from orthoui.ui.jobs.words import ICONS, duration, moment, progress_words, result_words, state_words

LOG_LINES = 200


def job_card(run: Run) -> None:
    """Draw an unfinished job: title, state, progress, buttons, log."""
    with st.container(border=True, key=f"job_{run.id}"):
        st.markdown(f"{ICONS[run.state]} **{literal(run.title)}** :small[:gray[{state_words(run)}]]")
        if run.state in ("running", "paused"):
            st.progress(run.progress.share if run.progress else 0.0, literal(progress_words(run)) or "Preparing …")
        notice = run.progress.metrics.get("notice") if run.progress and run.state == "running" else None
        if notice:
            st.warning(literal(str(notice)), icon=":material/info:")
        if run.error:
            st.caption(literal(run.error))
        buttons(run)
        log(run)


def ended_job(run: Run) -> None:
    """Draw a finished job as a line that unfolds."""
    now = datetime.now(UTC)
    took = duration(run.seconds) if run.seconds is not None else ""
    facts = " · ".join(
        part for part in (state_words(run), result_words(run), took, moment(run.finished, now)) if part
    )
    with st.expander(f"{literal(run.title)} :small[:gray[{literal(facts)}]]", icon=ICONS[run.state]):
        st.container(key=f"job_ended_{run.id}")
        if run.error:
            st.error(literal(run.error), icon=":material/error:")
        if run.state != "done":
            buttons(run)
        st.caption(f"Run {run.id} · asked for {moment(run.created, now)} · version {run.version}")
        text = read_log(run)
        if text:
            _log_text(text)
        else:
            st.caption("There is no log of it on this machine.")


def log(run: Run) -> None:
    """Draw the folded log of a run, its last lines."""
    text = read_log(run)
    if text:
        with st.expander("Log", icon=":material/notes:"):
            _log_text(text)


def _log_text(text: str) -> None:
    lines = text.splitlines()
    if len(lines) > LOG_LINES:
        st.caption(f"The last {LOG_LINES} of {len(lines):,} lines.")
    st.code(
        "\n".join(lines[-LOG_LINES:]), language=None, wrap_lines=True, height=260 if len(lines) > 10 else "content"
    )
