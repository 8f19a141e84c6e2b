"""Which runs of the ledger are listed, and in which order."""

from collections.abc import Sequence
from typing import Any, cast, get_args

import streamlit as st

from orthoui.ledger import RunFilter, State, ledger
from orthoui.ui.jobs.words import kind_words

SORTS = {
    "-created": "Newest first",
    "created": "Oldest first",
    "title": "Title",
    "kind": "Kind",
    "state": "State",
    "model": "Model",
    "dataset": "Data set",
    "-finished": "Ended last",
}


def chosen_runs() -> tuple[RunFilter, str]:
    """Draw the filters; return what they choose and the order."""
    book = ledger()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="ledger_filters"):
        text = st.text_input(
            "Search", key="ledger_text", placeholder="title, model, error …", max_chars=200, width=170
        )
        kinds = _some("Kind", "kind", book.names("kind"), 140)
        states = _some("State", "state", get_args(State), 140)
        model = _one("Model", "model", book.names("model"), 190)
        dataset = _one("Data set", "dataset", book.names("dataset"), 130)
        tag = _one("Tag", "tag", list(book.tags()), 110)
        sort = st.selectbox(
            "Order", list(SORTS), format_func=lambda name: SORTS.get(name, name), key="ledger_sort", width=136
        )
    chosen = RunFilter(kind=kinds, state=cast(Any, states), model=model, dataset=dataset, tag=tag, text=text or None)
    return chosen, sort if sort in SORTS else "-created"


def _some(label: str, name: str, options: Sequence[str], width: int) -> tuple[str, ...]:
    picked = st.multiselect(
        label, options, format_func=kind_words, key=f"ledger_{name}", placeholder="Any", width=width
    )
    return tuple(value for value in picked if value in options)


def _one(label: str, name: str, options: Sequence[str], width: int) -> str | None:
    key = f"ledger_{name}"
    if st.session_state.get(key) not in (None, *options):  # its last run was deleted
        st.session_state[key] = None
    return cast(str | None, st.selectbox(label, options, index=None, key=key, placeholder="Any", width=width))
