"""The list of all runs: its sentence, its filters, the table, what can be done with picked rows."""

import streamlit as st

from orthoui.ledger import Run, RunFilter, ledger
from orthoui.ui.frame import literal
from orthoui.ui.ledger.actions import actions
from orthoui.ui.ledger.filters import chosen_runs, show_all
from orthoui.ui.ledger.table import COLUMNS, row

FORGET_PAGE = "pages/explore/forget.py"
MOST = 500
"""Rows that are shown; an export takes all of them."""


def ledger_panel() -> None:
    """Draw every run that was ever made here, from pages and from the command line."""
    states = ledger().count_states()
    total = sum(states.values())
    with st.container(key="headline"):
        st.markdown(f"## {_sentence(total, states)}")
    if not total:
        st.markdown("Every forgetting that is measured to its end, and every job, is kept here from now on.")
        st.page_link(FORGET_PAGE, label="Forget a class", icon=":material/backspace:")
        return
    chosen, sort = chosen_runs()
    count = total if chosen == RunFilter() else ledger().count(chosen)
    found = ledger().find(chosen, sort=sort, limit=MOST)
    if not found:
        st.info("No run fits these filters.", icon=":material/filter_alt_off:")
        st.button("Show all", key="ledger_show_all", on_click=show_all)
        return
    buttons = st.container()
    event = st.dataframe(
        [row(run) for run in found],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"ledger_table_{_digest(found)}",
        column_config=COLUMNS,
        placeholder="–",
        height=min(560, 38 + 35 * len(found)),
    )
    with buttons:
        actions(_picked(found, event["selection"]["rows"]), chosen, sort, count)
    shown = f"The first {MOST} of {count:,} are shown. " if count > MOST else ""
    st.caption(f"{shown}Tick rows to open, tag, delete or export them. The ledger: {literal(ledger().name)}.")


def _digest(found: list[Run]) -> str:
    """Name the rows: when others are listed, the ticks of the old ones must not stay."""
    return str(hash(tuple(run.id for run in found)))


def _sentence(total: int, states: dict[str, int]) -> str:
    if not total:
        return "No run has been made yet."
    runs = "One run is" if total == 1 else f"{total:,} runs are"
    failed = states.get("failed", 0)
    more = f"; {failed:,} of them failed" if failed else ""
    return f"{runs} in the ledger{more}."


def _picked(found: list[Run], rows: object) -> list[Run]:
    # the browser names the rows; it may name some that are gone, or send anything else
    if not isinstance(rows, list):
        return []
    places = sorted({place for place in rows if type(place) is int and 0 <= place < len(found)})
    return [found[place] for place in places]
