"""The Jobs page: what runs, what waits, what is paused, what came of the last ones."""

import streamlit as st

from orthoui.ledger import Run
from orthoui.ui.frame import literal, watched
from orthoui.ui.jobs.acting import problem
from orthoui.ui.jobs.card import ended_job, job_card
from orthoui.ui.jobs.finding import active_jobs, ended_jobs, paused_jobs, unfinished_jobs
from orthoui.ui.jobs.words import summary

TRAIN_PAGE = "pages/lab/train.py"
MOST_ENDED = 30


def jobs_panel() -> None:
    """Draw the page; what is unfinished refreshes itself. Not for: use inside another fragment."""
    unfinished = unfinished_jobs()
    ended = ended_jobs(MOST_ENDED)  # between the others: what ends meanwhile is neither missed nor drawn twice
    watched(_unfinished, unfinished)
    if ended:
        st.markdown("**Ended**")
        for run in ended:
            ended_job(run)
    elif not unfinished:
        _empty()


def _unfinished() -> list[Run]:
    active, paused = active_jobs(), paused_jobs()
    with st.container(key="headline"):
        st.markdown(f"## {literal(summary(active, paused, ended_jobs(1)))}")
        st.markdown(
            ":small[:gray[Jobs go on when you close this page or the browser. One runs at a time on each device, the "
            "others wait their turn; what a command line started runs beside them.]]"
        )
    sentence = problem()
    if sentence:
        st.warning(literal(sentence), icon=":material/info:")
    for run in (*active, *paused):
        job_card(run)
    return [*active, *paused]


def _empty() -> None:
    with st.container(border=True, key="jobs_empty"):
        st.markdown(
            "Training a network takes minutes to hours, getting a data set takes a download. Such work is done "
            "beside the dashboard, step by step, and stands here: how far it is, how long it will take, and the "
            "buttons that pause, cancel or repeat it."
        )
        st.page_link(TRAIN_PAGE, label="Train a network", icon=":material/model_training:")
