"""Which runs of the ledger are listed, and in which order; the link holds it."""

from collections.abc import Sequence
from typing import get_args

import streamlit as st

from orthoui.ledger import RunFilter, State, ledger
from orthoui.ui import session
from orthoui.ui.jobs.words import kind_words
from orthoui.ui.view import LedgerOrder, View

SORTS: dict[LedgerOrder, str] = {
    "-created": "Newest first",
    "created": "Oldest first",
    "title": "Title",
    "kind": "Kind",
    "state": "State",
    "model": "Model",
    "dataset": "Data set",
    "-finished": "Ended last",
}
FILTERS = {
    "ledger_text": "Search",
    "ledger_kind": "Kind",
    "ledger_state": "State",
    "ledger_model": "Model",
    "ledger_dataset": "Data set",
    "ledger_tag": "Tag",
}
"""Fields of the view by their short labels."""


def chosen_runs() -> tuple[RunFilter, str]:
    """Draw the filters; return what they choose and the order."""
    book = ledger()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="ledger_filters"):
        _text()
        _some("ledger_kind", book.names("kind"), 140)
        _some("ledger_state", get_args(State), 140)
        _one("ledger_model", book.names("model"), 190)
        _one("ledger_dataset", book.names("dataset"), 130)
        _one("ledger_tag", list(book.tags()), 110)
        _order()
    view = session.view()
    chosen = RunFilter(
        kind=view.ledger_kind,
        state=view.ledger_state,
        model=view.ledger_model,
        dataset=view.ledger_dataset,
        tag=view.ledger_tag,
        text=view.ledger_text or None,
    )
    return chosen, view.ledger_sort


def show_all() -> None:
    """Take every filter away."""
    session.change(**{name: View.model_fields[name].default for name in FILTERS})


def _text() -> None:
    st.session_state["ledger_text"] = session.view().ledger_text
    st.text_input(
        FILTERS["ledger_text"],
        key="ledger_text",
        placeholder="title, model, error …",
        max_chars=200,
        width=170,
        on_change=_changed,
        args=("ledger_text",),
    )


def _some(name: str, options: Sequence[str], width: int) -> None:
    shown = getattr(session.view(), name)
    st.session_state[name] = list(shown)
    st.multiselect(
        FILTERS[name],
        [*options, *(value for value in shown if value not in options)],  # a link can name what is gone
        format_func=kind_words,
        key=name,
        placeholder="Any",
        width=width,
        on_change=_changed,
        args=(name,),
    )


def _one(name: str, options: Sequence[str], width: int) -> None:
    shown = getattr(session.view(), name)
    st.session_state[name] = shown
    gone = [] if shown is None or shown in options else [shown]  # its last run was deleted, or a link names it
    st.selectbox(
        FILTERS[name],
        [*options, *gone],
        index=None,
        key=name,
        placeholder="Any",
        width=width,
        on_change=_changed,
        args=(name,),
    )


def _order() -> None:
    st.session_state["ledger_sort"] = session.view().ledger_sort
    st.selectbox(
        "Order",
        list(SORTS),
        format_func=lambda name: SORTS.get(name, name),
        key="ledger_sort",
        width=136,
        on_change=_changed,
        args=("ledger_sort",),
    )


def _changed(name: str) -> None:
    session.change(**{name: st.session_state[name]})
