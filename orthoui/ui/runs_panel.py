"""The Runs page: this session's forgettings with one pinned beside the current one, or every run of the ledger."""

import streamlit as st

from orthoui.evaluation.accuracy import Estimate
from orthoui.figures import difference_bars
from orthoui.ui import controls, runs, session
from orthoui.ui.charts import chart
from orthoui.ui.frame import literal, panel
from orthoui.ui.ledger import ledger_panel
from orthoui.ui.runs import Run, title_of
from orthoui.ui.runs_chart import settings_figure, settings_words
from orthoui.ui.table import estimate_text

FORGET_PAGE = "pages/explore/forget.py"
COLUMNS = {
    "run": st.column_config.TextColumn("run", width="small"),
    "forgotten": st.column_config.TextColumn("forgotten", width="small"),
    "ratio": st.column_config.NumberColumn("ratio", width="small", help="Share of channels scaled, 0 to 1."),
    "strength": st.column_config.NumberColumn(
        "strength", width="small", help="How much is taken from a scaled channel, 0 nothing to 1 all."
    ),
    "forgotten class": st.column_config.NumberColumn("forgotten class", format="%.1f %%"),
    "other classes": st.column_config.NumberColumn("other classes", format="%.1f %%"),
    "recognised": st.column_config.NumberColumn(
        "membership",
        format="%.1f %%",
        help="How many of the forgotten training images an attack still recognises as such (convention A); less is "
        "better.",
    ),
    "distance": st.column_config.NumberColumn(
        "distance", format="%.3f", help="To the retrained model: Jensen–Shannon divergence on forgotten images, nats."
    ),
}


WHICH = {"session": "This session", "all": "All runs ever made"}


@panel
def runs_panel() -> None:
    """Draw this session's runs, or those of the ledger."""
    st.session_state["runs_choice"] = session.view().runs_shown
    st.segmented_control(
        "Runs",
        list(WHICH),
        format_func=lambda which: WHICH.get(which, which),
        key="runs_choice",
        on_change=lambda: session.change(runs_shown=st.session_state["runs_choice"] or session.view().runs_shown),
        label_visibility="collapsed",
    )
    if session.view().runs_shown == "all":
        ledger_panel()
    else:
        _session_runs()


def _session_runs() -> None:
    """Draw the table of runs and the comparison; an empty session is told how to begin."""
    found = runs.all_runs()
    if not found:
        with st.container(key="headline"):
            st.markdown("## No class has been forgotten in this session yet.")
        st.markdown(
            "Every setting you try on the Forget page is kept here until the page is loaded anew; “All runs ever "
            "made” keeps it for good."
        )
        st.page_link(FORGET_PAGE, label="Forget a class", icon=":material/backspace:")
        return
    with st.container(key="headline"):
        st.markdown(f"## {literal(_summary(found))}")
    st.caption(
        "Tick a row to pin it as A, to open it again, or to compare it. This list is of this visit: it is empty "
        "again when the page is loaded anew. “All runs ever made” keeps them."
    )
    event = st.dataframe(
        [_row(run) for run in found],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="runs_table",
        column_config=COLUMNS,
    )
    chosen = _chosen(found, event["selection"]["rows"])
    _actions(chosen)
    left, right = st.columns(2, gap="large")
    with left:
        _all_settings(found, chosen)
    with right, st.container(key="run_comparison"):
        _comparison(found, chosen)


def _summary(found: list[Run]) -> str:
    forgotten = sorted({run.outcome.forgotten for run in found})
    return f"{len(found)} run{'s' if len(found) > 1 else ''} in this session: {', '.join(forgotten)}."


def _row(run: Run) -> dict[str, object]:
    outcome, request = run.outcome, run.outcome.request
    after = outcome.measured["after"].accuracies
    attack = outcome.membership.get("after")
    distance = outcome.distance.forget if outcome.distance else None
    pinned = runs.pinned()
    return {
        "run": f"{run.number} · A" if pinned and pinned.number == run.number else str(run.number),
        "forgotten": outcome.forgotten,
        "ratio": request.ratio,
        "strength": request.strength,
        "forgotten class": _value(after.forget),
        "other classes": _value(after.retain),
        "verdict": run.verdict,
        "recognised": attack.convention_a.mean if attack and attack.convention_a else None,
        "distance": distance.mean if distance else None,
        "settings": settings_words(request),
        "model": title_of(outcome.model),
    }


def _value(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate else None


def _chosen(found: list[Run], rows: object) -> Run | None:
    # the browser names the rows; it may name one that is gone, or send anything else
    match rows:
        case [int(row), *_] if 0 <= row < len(found):
            return found[row]
    return None


def _actions(chosen: Run | None) -> None:
    with st.container(horizontal=True):
        st.button(
            "Pin as A",
            icon=":material/push_pin:",
            disabled=chosen is None,
            key="pin",
            on_click=runs.pin,
            args=(chosen.number if chosen else None,),
        )
        again = st.button("Open in Forget", icon=":material/open_in_new:", disabled=chosen is None, key="open")
        if runs.pinned() is not None:
            st.button("Unpin", icon=":material/close:", key="unpin", on_click=runs.pin, args=(None,))
    if chosen is not None and again:
        controls.show_view(chosen.view)
        st.switch_page(FORGET_PAGE)


def _all_settings(found: list[Run], chosen: Run | None) -> None:
    figure = settings_figure(found, chosen, session.mode())
    if figure is None:
        forgotten = (chosen or found[-1]).outcome.forgotten
        st.caption(f"Try another setting for {literal(forgotten)}: all of them will be drawn here.")
    else:
        chart(figure, "settings")


def _comparison(found: list[Run], chosen: Run | None) -> None:
    first = runs.pinned()
    if first is None:
        st.caption("Tick a run and pin it as A: the others will be compared with it here.")
        return
    view = session.view()
    current, word = (chosen, "ticked") if chosen and chosen.number != first.number else (None, "current")
    current = current or next(
        (run for run in reversed(found) if run.view.request == view.request and run.view.model == view.model),
        found[-1],
    )
    if current.number == first.number:
        st.info("The pinned run is the current one. Tick another, or change a setting on the Forget page.")
        return
    st.markdown(f"### A is run {first.number}; the {word} one is run {current.number}.")
    for name, run in (("A", first), (word.capitalize(), current)):
        after = run.outcome.measured["after"].accuracies
        title = literal(title_of(run.outcome.model))
        st.markdown(
            f"**{name}: {literal(run.sentence)}**  \n{title}; {settings_words(run.outcome.request)}  \n"
            f"Forgotten class {estimate_text(after.forget)}; other classes {estimate_text(after.retain)}."
        )
    if first.outcome.class_names == current.outcome.class_names:
        _class_differences(first, current)


def _class_differences(first: Run, current: Run) -> None:
    pairs = zip(
        first.outcome.measured["after"].accuracies.per_class,
        current.outcome.measured["after"].accuracies.per_class,
        strict=True,
    )
    changes = [now.value - was.value if was and now else None for was, now in pairs]
    figure = difference_bars(
        changes,
        first.outcome.class_names,
        first.outcome.request.classes + current.outcome.request.classes,
        mode=session.mode(),
        title=f"Run {current.number} against run {first.number}, class by class",
        subtitle="accuracy after forgetting, current minus A, percentage points",
    )
    chart(figure, "comparison")
