"""Which runs of the ledger are listed, and in which order; the link holds it."""

from collections.abc import Sequence
from typing import Any, get_args

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
        _some("ledger_kind", book.names("kind"), 170)
        _some("ledger_state", get_args(State), 150)
        _one("ledger_model", book.names("model"), 170)
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
    st.text_input(
        FILTERS["ledger_text"],
        placeholder="title, model, error …",
        max_chars=200,
        width=150,
        **_tied("ledger_text", session.view().ledger_text),
    )


def _some(name: str, options: Sequence[str], width: int) -> None:
    shown = list(getattr(session.view(), name))
    st.multiselect(
        FILTERS[name], _with(options, shown), format_func=kind_words, placeholder="Any", width=width,
        **_tied(name, shown),
    )  # fmt: skip


def _one(name: str, options: Sequence[str], width: int) -> None:
    shown = getattr(session.view(), name)
    there = _with(options, [] if shown is None else [shown])
    st.selectbox(FILTERS[name], there, index=None, placeholder="Any", width=width, **_tied(name, shown))


def _order() -> None:
    st.selectbox(
        "Order",
        list(SORTS),
        format_func=lambda name: SORTS.get(name, name),
        width=136,
        **_tied("ledger_sort", session.view().ledger_sort),
    )


def _with(options: Sequence[str], shown: Sequence[str]) -> list[str]:
    """Return the options and what is chosen beyond them: its last run was deleted, or a link names it."""
    return [*options, *(value for value in shown if value not in options)]


def _tied(name: str, value: object) -> dict[str, Any]:
    """Let a widget show a field of the view and write it back."""
    st.session_state[name] = value
    return {"key": name, "on_change": lambda: session.change(**{name: st.session_state[name]})}
