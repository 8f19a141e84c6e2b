"""A small line in the frame of every page: how many jobs run, and how far they are."""

import logging

import streamlit as st

from orthoui.errors import LedgerError
from orthoui.ui import session
from orthoui.ui.jobs.finding import active_jobs
from orthoui.ui.jobs.words import short_summary

PAGE = "pages/lab/jobs.py"
REFRESH_SECONDS = 2.0
"""Between two looks at what is under way. Every refresh takes server and browser of a small machine about a tenth of
a second, from the very jobs that are watched."""

log = logging.getLogger(__name__)


def jobs_indicator() -> None:
    """Draw the line while jobs are under way; it refreshes itself. Without jobs this costs one count."""
    try:
        busy = bool(active_jobs())
    except LedgerError as error:  # the Jobs page says it to the person; here it would be on every page
        log.warning("No indicator of jobs: %s", error)
        return
    if busy:
        _line()


@st.fragment(run_every=REFRESH_SECONDS)
def _line() -> None:
    try:
        active = active_jobs()
    except LedgerError:  # busy for a moment, most likely; the next look tells
        return
    if not active:
        session.run_again()  # the line goes, and whatever waited for the job is drawn anew
    with st.container(key="jobs_indicator"):
        st.page_link(PAGE, label=short_summary(active), icon=":material/progress_activity:")
