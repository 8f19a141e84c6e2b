"""This session's forgettings, newest last; one of them may be pinned as A. The ledger keeps them for ever."""

import logging
from dataclasses import dataclass
from typing import cast

import streamlit as st

from orthoui.errors import LedgerError, OrthoError
from orthoui.evaluation.outcome import Outcome
from orthoui.evaluation.summary import headline
from orthoui.evaluation.verdict import judge
from orthoui.ledger import ledger
from orthoui.ledger.forgettings import record
from orthoui.models.zoo import zoo
from orthoui.ui import session
from orthoui.ui.view import View

RUNS = "runs"
PINNED = "pinned"
MOST = 200
NOT_KEPT = "ledger_problem"
"""Why a run could not be kept in the ledger; said once."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """One complete forgetting of this session: what was set and what was measured."""

    number: int
    view: View
    outcome: Outcome
    sentence: str
    verdict: str


def remember(outcome: Outcome) -> None:
    """Add a complete outcome to the session's runs; the same request is kept once, the oldest run leaves first."""
    runs = all_runs()
    if not outcome.complete:
        return
    if _asked(outcome) not in (_asked(run.outcome) for run in runs):
        number = runs[-1].number + 1 if runs else 1
        run = Run(number, session.view(), outcome, headline(outcome), judge(outcome).kind)
        st.session_state[RUNS] = [*runs, run][-MOST:]
        _record(outcome)


def _asked(outcome: Outcome) -> tuple[object, ...]:
    return outcome.model, outcome.request, outcome.reference


def _record(outcome: Outcome) -> None:
    """Keep the run in the ledger too; one that cannot be written costs the record, not the page."""
    try:
        record(ledger(), outcome, session.model(), session.data()["train"].digest)
    except LedgerError as error:
        log.warning("A forgetting is not in the ledger: %s", error)
        st.session_state.setdefault(NOT_KEPT, str(error))


def problem_to_say() -> str | None:
    """Return why runs are not kept in the ledger, at the first call after it happened; None when all is well."""
    problem = cast(str | None, st.session_state.get(NOT_KEPT))
    if problem:
        st.session_state[NOT_KEPT] = ""  # said; the empty text keeps it from being said again
    return problem or None


def title_of(model: str) -> str:
    """Return a model's title, or its name where the model is gone."""
    try:
        return zoo().get(model).card.title
    except OrthoError:
        return model


def all_runs() -> list[Run]:
    """Return the session's runs, oldest first."""
    return cast(list[Run], st.session_state.get(RUNS, []))


def pin(number: int | None) -> None:
    """Pin one run as A, or none."""
    st.session_state[PINNED] = number


def pinned() -> Run | None:
    """Return the pinned run, if there is one."""
    number = st.session_state.get(PINNED)
    return next((run for run in all_runs() if run.number == number), None)
