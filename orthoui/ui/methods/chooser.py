"""Which methods to run: all that fit the model, with what they do and how long they take here."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from orthoui.jobs.engine import engine
from orthoui.jobs.method import (
    KIND,
    NO_REFERENCE,
    STANDARD,
    MethodRun,
    has_reference,
    identity_of,
    request_of,
    shortened,
    title_of,
)
from orthoui.jobs.results import expected_seconds, finished, under_way
from orthoui.ledger import ledger, new_id
from orthoui.methods import METHODS, OWN
from orthoui.methods.found import known_methods
from orthoui.methods.retrain import ready_one
from orthoui.ui import session
from orthoui.ui.frame import literal
from orthoui.ui.jobs.acting import problem
from orthoui.ui.jobs.words import duration
from orthoui.ui.methods.settings import settings_of, settings_popover
from orthoui.ui.methods.words import BASELINES, FIRST, PAPERS_FIVE, found_words, kind_of

TICKED = "methods_ticked"
"""How often a button has set the ticks."""
TABLE = {
    "method": st.column_config.TextColumn("method", width=170, pinned=True),
    "kind": st.column_config.TextColumn(
        "kind",
        width=96,
        help="Weight edit: changes weights by a formula. Training: takes further training steps. Exact: has never "
        "seen the class. Control: does not forget, for comparison.",
    ),
    "time here": st.column_config.TextColumn(
        "time here", width=92, help="From start to end with its measurement, by earlier runs on this model."
    ),
    "found": st.column_config.TextColumn(
        "found before",
        width=262,
        help="Measured on this model beforehand: how much of a class was left, and what the other classes lost. "
        "With the methods' own defaults; soft pruning and its control with the setting recommended for this model.",
    ),
    "what it does": st.column_config.TextColumn("what it does", width=440),
    "source": st.column_config.TextColumn("source", width=260),
}


def fitting() -> list[str]:
    """Return the names of the methods that can forget the chosen classes of the model, quick ones first."""
    model, classes = session.model(), session.view().request.classes
    order = ("weight edit", "training", "exact", "control")
    names = [name for name in METHODS if METHODS[name].obstacle(model, classes) is None]
    return sorted(names, key=lambda name: (order.index(kind_of(METHODS[name])), METHODS[name].title.casefold()))


def chooser() -> None:
    """Draw the list of methods, their settings and the button that runs them."""
    names = fitting()
    settings = {name: settings_of(name) for name in names}
    expected = expected_seconds(ledger(), session.model(), settings, relearn=session.view().relearn)
    chosen = [name for name in names if name in (session.view().methods or FIRST)]
    bar = st.container(horizontal=True, vertical_alignment="center", key="method_sets")
    with bar:
        _set("The paper's five", [name for name in PAPERS_FIVE if name in names])
        _set("Quick ones", [name for name in names if kind_of(METHODS[name]) in ("weight edit", "control")])
        _set("All", names)
    event = st.dataframe(
        [_row(name, expected) for name in names],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [names.index(name) for name in chosen]}},
        key=f"methods_table_{session.view().model}_{st.session_state.get(TICKED, 0)}",
        column_config=TABLE,
        height=248,
        placeholder="not run yet",
    )
    picked = _picked(names, event["selection"]["rows"])
    if picked != chosen:
        session.change(methods=tuple(picked))
    with bar:
        settings_popover(picked)
    _run_row(picked, expected)
    _refused(names)


def _set(label: str, names: Sequence[str]) -> None:
    st.button(
        label,
        key=f"method_set_{label}",
        on_click=_tick,
        args=(names,),
        type="primary" if set(names) == set(session.view().methods) else "secondary",
    )


def _tick(names: Sequence[str]) -> None:
    """Tick methods by a button: only a new table takes ticks that were not made in it."""
    session.change(methods=tuple(names))
    st.session_state[TICKED] = st.session_state.get(TICKED, 0) + 1


def _row(name: str, expected: dict[str, float]) -> dict[str, Any]:
    method, model = METHODS[name], session.model()
    known = known_methods(model).get(name)
    found = found_words(known, model.card.classes, session.view().request.classes, control=method.control)
    return {
        "method": method.title,
        "kind": kind_of(method),
        "time here": duration(expected[name]) if name in expected else None,
        "found": found or "not measured",
        "what it does": method.summary,
        "source": method.source,
    }


def _picked(names: Sequence[str], rows: object) -> list[str]:
    # the browser names the rows; it may send anything
    if not isinstance(rows, list):
        return []
    return [names[place] for place in sorted({row for row in rows if type(row) is int and 0 <= row < len(names)})]


def _run_row(names: Sequence[str], expected: dict[str, float]) -> None:
    todo = sorted([*_baselines_missing(names), *names], key=lambda name: name != STANDARD)  # the others need it
    with st.container(horizontal=True, vertical_alignment="center", key="methods_run_row"):
        pressed = st.button(
            f"Run {len(names)} methods" if len(names) != 1 else f"Run {METHODS[names[0]].title}",
            icon=":material/play_arrow:",
            type="primary",
            key="methods_run",
            disabled=not names,
        )
        st.session_state["methods_relearn"] = session.view().relearn
        st.toggle(
            "Relearn too",
            key="methods_relearn",
            on_change=lambda: session.change(relearn=st.session_state["methods_relearn"]),
            help="Train the class back afterwards and count the steps: few steps mean that it was only hidden. Adds "
            "seconds to minutes to every method.",
        )
        st.caption(_time_words(todo, expected) if names else "Tick at least one method.")
    if names and _without_reference(todo):
        st.caption(NO_REFERENCE)
    sentence = problem()
    if sentence:
        st.warning(literal(sentence), icon=":material/info:")
    if pressed and names:
        with session.reported():
            _submit(todo)
        session.run_again()  # the whole page: the rows that fill in are no part of this panel


def _baselines_missing(names: Sequence[str]) -> list[str]:
    """Return what the comparison is read against and is neither chosen nor there: the original, a ready reference."""
    model, classes = session.model(), session.view().request.classes
    there = {row.run.method for row in finished(ledger(), model, classes)}
    there |= {run.method for run in under_way(ledger(), model, classes)}
    able = ("original", *((STANDARD,) if ready_one(model, classes) else ()))
    return [name for name in able if name not in there and name not in names]


def _without_reference(todo: Sequence[str]) -> bool:
    """Whether these methods will find no retrained model to be compared with: none is there, on its way or chosen."""
    model, classes = session.model(), session.view().request.classes
    full = STANDARD in todo and settings_of(STANDARD).get("epochs") is None
    if full or set(todo) <= {STANDARD}:
        return False
    coming = any(run.method == STANDARD and not shortened(run) for run in under_way(ledger(), model, classes))
    return not coming and not has_reference(model, classes)


def _time_words(names: Sequence[str], expected: dict[str, float]) -> str:
    known = [expected[name] for name in names if name in expected]
    unknown = len(names) - len(known)
    added = [METHODS[name].title.lower() for name in names if name in BASELINES]
    words = f"About {duration(sum(known))}" if known else ""
    if unknown:
        words += (" and " if words else "") + (
            f"{unknown} of unknown time" if words else "How long they take is not known before they ran here once"
        )
    beside = f" With {' and '.join(added)} to compare with." if added else ""
    return f"{words}.{beside} The work goes on when you close this page."


def _submit(names: Sequence[str]) -> None:
    """Queue one job a method, all of one group. Raises ``OrthoError`` for settings that a method does not take."""
    model, classes, group = session.model(), session.view().request.classes, new_id()
    runs = [
        MethodRun(
            model=model.name,
            method=name,
            classes=classes,
            settings=settings_of(name),
            relearn=session.view().relearn,
        )
        for name in names
    ]
    requests = [request_of(run, model) for run in runs]  # all are checked before the first is queued
    for run, request in zip(runs, requests, strict=True):
        method = METHODS[run.method]
        identity = identity_of(model, request.seed)
        engine().submit(
            KIND, run, title_of(method, model, classes), method=run.method, group=group, identity=identity
        )


def _refused(names: Sequence[str]) -> None:
    """Say which methods are not offered, and why."""
    model, classes = session.model(), session.view().request.classes
    left = [METHODS[name].obstacle(model, classes) or "" for name in METHODS if name not in names]
    problems = [*left, *OWN.problems]
    if problems:
        with st.expander(f"{len(problems)} not offered here"):
            for sentence in problems:
                st.markdown(f"- {literal(sentence)}")
