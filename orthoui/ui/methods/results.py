"""The lower part of the Methods page: rows that fill in while jobs run, their table and their pictures."""

import streamlit as st
from pydantic import TypeAdapter

from orthoui.jobs.engine import engine
from orthoui.jobs.results import DISTANCE, MethodRow, finished, left_out, standard, under_way
from orthoui.jobs.search import KIND as SEARCH
from orthoui.jobs.search import searches_unfinished
from orthoui.ledger import Run, ledger
from orthoui.ui import session
from orthoui.ui.charts import chart, clickable
from orthoui.ui.frame import literal, watched
from orthoui.ui.images import MISSING, images_watch
from orthoui.ui.jobs.acting import acted, buttons
from orthoui.ui.jobs.words import progress_words, state_words
from orthoui.ui.methods.afterwards import distance_afterwards
from orthoui.ui.methods.beforehand import beforehand
from orthoui.ui.methods.closer import closer, toggle
from orthoui.ui.methods.pictures import damage_figure, time_figure, trade_off_figure
from orthoui.ui.methods.table import beside_paper, cautions, cells, columns, not_comparable
from orthoui.ui.methods.words import COLUMNS, RULE, headline
from orthoui.wording import joined

POINT: TypeAdapter[tuple[str, str, str]] = TypeAdapter(tuple[str, str, str])
FEWEST_PLOTTED = 2
WAITING_SHOWN = 3


def results_watch() -> None:
    """Draw what was found, and what is under way, which refreshes itself. Not for: use inside another fragment."""
    images_watch()
    if st.session_state.get(MISSING):
        return
    jobs = _jobs()
    _headline()
    watched(_under_way, jobs)
    watched(_results, [run for run in jobs if run.kind == DISTANCE])


def _jobs() -> list[Run]:
    """Return the methods under way, and searches whose result the settings wait for."""
    model, classes = session.model(), session.view().request.classes
    searching = [run for run in searches_unfinished(ledger(), model, classes) if run.state != "paused"]
    return [*under_way(ledger(), model, classes), *searching]


def _headline() -> None:
    model, classes = session.model(), session.view().request.classes
    rows = finished(ledger(), model, classes)
    forgotten = joined([model.card.classes[label] for label in classes])
    with st.container(key="headline"):
        st.markdown(f"## {literal(headline(forgotten, rows))}")
    if rows:
        st.caption(RULE)


def _results() -> list[Run]:
    """Draw the table and its pictures; return the jobs that fill in what rows lack, one after the other."""
    book, model, view = ledger(), session.model(), session.view()
    classes = view.request.classes
    active = [run for run in under_way(book, model, classes) if run.kind == DISTANCE]
    rows = finished(book, model, classes, every=view.every_run)
    elsewhere = left_out(book, model, classes)
    if elsewhere:
        st.caption(
            f"{elsewhere} {'runs' if elsewhere > 1 else 'run'} on other images than those of this machine "
            f"{'are' if elsewhere > 1 else 'is'} left out; the ledger has {'them' if elsewhere > 1 else 'it'}."
        )
    if rows:
        _table(rows)
        distance_afterwards(active)
        _pictures(rows)
        closer(rows, model.card.classes, classes)
    else:
        beforehand()
    return active


def _under_way() -> list[Run]:
    """Draw what runs and the next that wait; dozens of others would push the results out of sight."""
    jobs = _jobs()
    active = [run for run in jobs if run.kind != SEARCH]  # a search stands beside the settings of its method
    waiting = [run for run in active if run.state != "running"]
    for run in [run for run in active if run.state == "running"] + waiting[:WAITING_SHOWN]:
        _active(run)
    if len(waiting) > WAITING_SHOWN:
        with st.container(horizontal=True, vertical_alignment="center", key="methods_waiting"):
            st.caption(f"{len(waiting) - WAITING_SHOWN} more wait for a free worker.", width="content")
            st.button(
                f"Cancel all {len(waiting)} that wait",
                icon=":material/stop_circle:",
                key="methods_cancel_waiting",
                on_click=_cancel,
                args=(waiting,),
            )
    return jobs


def _cancel(runs: list[Run]) -> None:
    for run in reversed(runs):  # the last first, so that none of them is started meanwhile
        acted(engine().cancel, run.id)


def _active(run: Run) -> None:
    """Draw a method that runs or waits as one line."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"active_{run.id}"):
        share = run.progress.share if run.progress else 0.0
        words = progress_words(run) if run.state == "running" else state_words(run)
        st.progress(share, f"**{literal(run.title.partition(':')[0])}** · {literal(words) or 'preparing …'}")
        buttons(run)


def _table(rows: list[MethodRow]) -> None:
    view = session.view()
    with st.container(horizontal=True, vertical_alignment="center", key="methods_columns"):
        st.session_state["methods_mode"] = view.method_columns
        st.segmented_control(
            "Columns",
            list(COLUMNS),
            format_func=lambda name: COLUMNS.get(name, name),
            key="methods_mode",
            on_change=lambda: session.change(
                method_columns=st.session_state["methods_mode"] or session.view().method_columns
            ),
            label_visibility="collapsed",
        )
        st.session_state["methods_every"] = view.every_run
        st.toggle(
            "Every run",
            key="methods_every",
            on_change=lambda: session.change(every_run=st.session_state["methods_every"]),
            help="Otherwise the latest run of each method; of Retrain the latest with all epochs, if any.",
        )
    against = standard(rows)
    if view.method_columns == "paper":
        _beside(rows)
        return
    if view.method_columns == "gap" and against is None:
        st.info("There is no retrained model among the runs. Run Retrain, and the gaps appear.")
        return
    lines = [cells(row, against, view.method_columns, settings=view.every_run) for row in rows]
    asked = any(line["relearn"] is not None for line in lines)
    st.dataframe(
        lines,
        hide_index=True,
        column_order=[name for name in lines[0] if asked or not name.startswith("relearn")],  # pushes seconds out
        column_config=columns(view.method_columns),
        placeholder="–",
        key=f"methods_results_{view.method_columns}",
        height=min(620, 38 + 35 * len(rows)),
    )
    floor = next((row.distance_floor for row in rows if row.distance_floor), None)
    if floor:
        st.caption(
            f"Two networks retrained with different seeds are {floor[0]:.3f} ({floor[1]:.3f}–{floor[2]:.3f}) apart "
            "on these images: what is no further than that from the retrained one differs from it by chance at most."
        )
    if any(row.trained_before for row in rows):
        st.caption("Retrain was trained before: its seconds are those of its own training, not of this clock.")
    capped = [row.title for row in rows if row.capped]
    if capped:
        st.caption(f"Relearn steps are a lower bound for {joined(capped)}: the class had not come back by then.")


def _beside(rows: list[MethodRow]) -> None:
    """Draw the paper's Table 2 beside the measured rows, or say why it has none for this setting."""
    card = session.model().card
    reason = not_comparable(card, session.view().request.classes)
    lines = [] if reason else beside_paper(rows, card)
    if reason:
        st.info(literal(reason))
    elif not lines:
        st.info("None of the paper's five methods has been run here yet: Retrain, SSD, UNSIR, TF-IDF, soft pruning.")
    else:
        st.dataframe(lines, hide_index=True, placeholder="–")
        differing = cautions(card, session.view().request.classes)
        st.caption(
            "Printed: Table 2 of arXiv 2506.19891, other hardware, so that seconds compare by ratio only."
            + (f" Mind that {differing}." if differing else "")
        )


def _pictures(rows: list[MethodRow]) -> None:
    view, mode = session.view(), session.mode()
    if len(rows) < FEWEST_PLOTTED:
        return
    left, right = st.columns([0.58, 0.42], gap="medium")
    with left:
        clickable(trade_off_figure(rows, view.pinned, mode), "methods_trade_off", POINT, lambda mark: toggle(mark[0]))
    with right:
        chart(time_figure(rows, mode), "methods_time")
    original = next((row for row in rows if row.run.method == "original"), None)
    if original is not None and original.per_class:
        names = session.model().card.classes
        chart(damage_figure(rows, original, names, view.request.classes, mode), "methods_damage")
