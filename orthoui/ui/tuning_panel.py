"""Optional fine-tuning on the Forget page: start, watch, cancel, and the accuracy it ends with."""

from typing import cast

import streamlit as st

from orthoui.evaluation.tuning import FineTuningJob
from orthoui.forgetting.finetuning import FineTuning
from orthoui.ui import session
from orthoui.ui.table import estimate_text

JOB = "fine_tuning"


def job() -> FineTuningJob | None:
    """Return this session's fine-tuning of the current request, if one was started."""
    found = cast(FineTuningJob | None, st.session_state.get(JOB))
    view = session.view()
    same = found is not None and found.request == view.request and found.model == view.model
    return found if same else None


def tuning_panel() -> None:
    """Draw the folded section; while a fine-tuning runs, only this part refreshes itself every second."""
    with st.expander("Fine-tune afterwards on the retained images", icon=":material/model_training:"):
        st.caption(
            "Pruning needs no training. A few epochs on the classes that are kept can mend them; whether the class "
            "comes back is worth watching. Training images only; stops early by calibration accuracy."
        )
        current = job()
        _watch(running=current is not None and current.running)


def _watch(*, running: bool) -> None:
    st.fragment(_state, run_every=1.0 if running else None)(watching=running)


def _state(*, watching: bool) -> None:
    current = job()
    if watching and (current is None or not current.running):
        st.rerun()  # the whole page once more, so that the watching ends
    if current is None or (not current.running and current.result is None):
        if current is not None and current.problem:
            st.info(current.problem)
        _start_controls()
        return
    if current.running:
        done = len(current.epochs)
        st.progress(done / current.settings.epochs, f"Epoch {done + 1} of at most {current.settings.epochs} …")
        st.button("Cancel", icon=":material/stop_circle:", on_click=current.cancel, key="tuning_cancel")
        return
    _result(current)


def _start_controls() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        epochs = st.slider("Epochs at most", 1, 10, 3, key="tuning_epochs", width=220)
        keep = st.toggle(
            "Keep batch norm statistics",
            value=True,
            key="tuning_freeze",
            help="Otherwise they adapt to the scaled filters, and the pruning is undone.",
        )
        if st.button("Start", icon=":material/play_arrow:", key="tuning_start"):
            earlier = cast(FineTuningJob | None, st.session_state.get(JOB))
            if earlier is not None:
                earlier.cancel()
            settings = FineTuning(epochs=epochs, freeze_bn=keep)
            st.session_state[JOB] = FineTuningJob(session.model(), session.data(), session.view().request, settings)
            st.rerun()


def _result(current: FineTuningJob) -> None:
    result = current.result
    if result is None:
        return
    part = result.accuracies
    st.markdown(
        f"After {len(current.epochs)} epochs of fine-tuning: forgotten class **{estimate_text(part.forget)}**, "
        f"other classes **{estimate_text(part.retain)}** ({part.n_forget + part.n_retain:,} {part.split} images)."
    )
    st.button("Again", key="tuning_again", on_click=lambda: st.session_state.pop(JOB, None))
