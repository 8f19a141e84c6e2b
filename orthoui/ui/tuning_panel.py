"""Optional fine-tuning on the Forget page: start it as a job, watch it, and the accuracy it ends with."""

from typing import Any

import streamlit as st

from orthoui.errors import OrthoError
from orthoui.evaluation.accuracy import Estimate
from orthoui.jobs.engine import engine
from orthoui.jobs.method import KIND, MethodRun, identity_of, request_of, title_of
from orthoui.jobs.results import row_of
from orthoui.jobs.tuning import METHOD, latest_tuning, tuning_run
from orthoui.ledger import Run, ledger
from orthoui.methods import METHODS
from orthoui.ui import session
from orthoui.ui.frame import explained, literal
from orthoui.ui.jobs.acting import problem
from orthoui.ui.jobs.card import job_card
from orthoui.ui.jobs.indicator import REFRESH_SECONDS
from orthoui.ui.table import estimate_text
from orthoui.ui.view import View
from orthoui.wording import bounds


def tuning_panel() -> None:
    """Draw the folded section: start a fine-tuning of what is set, or read what the last one of it ended with."""
    with st.expander("Fine-tune afterwards on the retained images", icon=":material/model_training:"):
        st.caption(
            "Pruning needs no training. A few epochs on the classes that are kept can mend them; whether the class "
            "comes back is worth watching. Training images only; stops early by calibration accuracy."
        )
        _settings()
        with explained():
            run = _latest()
            if run is not None and not run.ended:
                st.caption("It is at work; its progress stands below. It goes on when this page is closed.")
                return
            if run is not None and run.state == "done":
                _result(run)
            elif run is not None:
                st.info(literal(run.error or "It was stopped before its end. The pruned model is unchanged."))
            sentence = problem()
            if sentence:
                st.warning(literal(sentence), icon=":material/info:")
            if st.button("Start" if run is None else "Again", icon=":material/play_arrow:", key="tuning_start"):
                _start()
                session.run_again()  # the whole page: its progress is no part of this panel


def tuning_watch() -> None:
    """Draw the progress of the fine-tuning of what is set while it is under way, whoever began it.

    It refreshes itself and so is a fragment of its own. Not for: use inside another fragment; a control that is
    moved while the outer one still runs would then blank the whole page in the browser.
    """
    try:
        run = _latest() if session.view().result is None else None
    except OrthoError:  # the panel says it
        return
    if run is not None and not run.ended:
        _progress(run.id)


@st.fragment(run_every=REFRESH_SECONDS)
@explained()
def _progress(run_id: str) -> None:
    run = ledger().get(run_id)
    if run.ended:
        session.run_again()  # the whole page once more: it shows the result, and the watching ends
    job_card(run)


def _asked() -> MethodRun:
    view = session.view()
    return tuning_run(session.model(), view.request, epochs=view.tune_epochs, freeze_bn=view.tune_freeze)


def _latest() -> Run | None:
    return latest_tuning(ledger(), session.model(), _asked())


def _start() -> None:
    run, model = _asked(), session.model()
    identity = identity_of(model, request_of(run, model).seed)
    engine().submit(KIND, run, title_of(METHODS[METHOD], model, run.classes), method=METHOD, identity=identity)


def _settings() -> None:
    view, fields = session.view(), View.model_fields
    epochs, freeze = fields["tune_epochs"], fields["tune_freeze"]
    low, high = bounds(epochs)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.session_state["tuning_epochs"] = view.tune_epochs
        st.slider(
            str(epochs.title),
            int(low or 1),
            int(high or 1),
            key="tuning_epochs",
            on_change=lambda: session.change(tune_epochs=st.session_state["tuning_epochs"]),
            width=220,
        )
        st.session_state["tuning_freeze"] = view.tune_freeze
        st.toggle(
            str(freeze.title),
            key="tuning_freeze",
            on_change=lambda: session.change(tune_freeze=st.session_state["tuning_freeze"]),
            help=freeze.description,
        )


def _result(run: Run) -> None:
    st.markdown(
        f"After fine-tuning: forgotten class **{estimate_text(_estimate(run.metrics.get('forget_test')))}**, "
        f"other classes **{estimate_text(_estimate(run.metrics.get('retain_test')))}**, on test images."
    )
    for note in run.metrics.get("notes", ()):
        st.caption(literal(str(note)))
    st.button(
        "Show this network here",
        icon=":material/visibility:",
        key="tuning_show",
        disabled=not row_of(run).can_open,
        on_click=lambda: session.change(result=run.id),
        help="This page, Channels and Heatmaps then show the fine-tuned network as “after”.",
    )


def _estimate(found: Any) -> Estimate | None:
    return Estimate.model_validate(found) if isinstance(found, dict) else None
