"""Optional fine-tuning on the Forget page: start, watch, cancel, and the accuracy it ends with."""

from typing import cast

import streamlit as st

from orthoui.evaluation.tuning import FineTuningJob
from orthoui.forgetting.finetuning import FineTuning
from orthoui.ui import session
from orthoui.ui.frame import explained
from orthoui.ui.table import estimate_text
from orthoui.ui.view import View
from orthoui.wording import bounds

JOB = "fine_tuning"


def tuning_panel() -> None:
    """Draw the folded section: start a fine-tuning, or read what the one of the current request ended with."""
    with st.expander("Fine-tune afterwards on the retained images", icon=":material/model_training:"):
        st.caption(
            "Pruning needs no training. A few epochs on the classes that are kept can mend them; whether the class "
            "comes back is worth watching. Training images only; stops early by calibration accuracy."
        )
        current, view = _started(), session.view()
        if current is None or current.request != view.request or current.model != view.model:
            _start_controls()
        elif current.running:
            st.caption("It is at work; its progress stands below.")
        elif current.result is None:
            st.info(current.problem or "It was stopped.")
            _start_controls()
        else:
            _result(current)


def tuning_watch() -> None:
    """Draw the progress of this session's fine-tuning while it runs.

    It refreshes itself and so is a fragment of its own. Not for: use inside another fragment; a control that is
    moved while the outer one still runs would then blank the whole page in the browser.
    """
    current = _started()
    if current is not None and current.running:
        _progress()


@st.fragment(run_every=1.0)
@explained()
def _progress() -> None:
    current = _started()
    if current is None or not current.running:
        st.rerun()  # the whole page once more: it shows the result, and the watching ends
    done, most = len(current.epochs), current.settings.epochs
    st.progress(done / most, f"Fine-tuning: epoch {min(done + 1, most)} of at most {most} …")
    st.button("Cancel", icon=":material/stop_circle:", on_click=current.cancel, key="tuning_cancel")


def _started() -> FineTuningJob | None:
    return cast(FineTuningJob | None, st.session_state.get(JOB))


def _start_controls() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _settings()
        if st.button("Start", icon=":material/play_arrow:", key="tuning_start"):
            earlier = _started()
            if earlier is not None:
                earlier.cancel()
            view = session.view()
            settings = FineTuning(epochs=view.tune_epochs, freeze_bn=view.tune_freeze)
            st.session_state[JOB] = FineTuningJob(session.model(), session.data(), view.request, settings)
            st.rerun()


def _settings() -> None:
    view, fields = session.view(), View.model_fields
    epochs, freeze = fields["tune_epochs"], fields["tune_freeze"]
    low, high = bounds(epochs)
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


def _result(current: FineTuningJob) -> None:
    result = current.result
    if result is None:
        return
    for notice in current.notices:
        st.warning(notice, icon=":material/info:")
    part, epochs = result.accuracies, len(current.epochs)
    times = "one epoch" if epochs == 1 else f"{epochs} epochs"
    st.markdown(
        f"Best state after {times} of fine-tuning: forgotten class **{estimate_text(part.forget)}**, "
        f"other classes **{estimate_text(part.retain)}** ({part.n_forget + part.n_retain:,} {part.split} images)."
    )
    st.button("Again", key="tuning_again", on_click=lambda: st.session_state.pop(JOB, None))
