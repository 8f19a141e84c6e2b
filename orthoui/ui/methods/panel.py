"""The upper part of the Methods page: model, classes, and which methods to run."""

import streamlit as st

from orthoui.jobs.results import finished, under_way
from orthoui.ledger import ledger
from orthoui.ui import controls, session
from orthoui.ui.frame import panel
from orthoui.ui.images import images_here
from orthoui.ui.methods.chooser import chooser
from orthoui.ui.model_bar import model_bar

SUBJECT = "methods_subject"
UNFOLDED = "methods_unfolded"


@panel
def methods_panel() -> None:
    """Draw the choices; only this part runs again when a method is ticked or set."""
    model_bar()
    _results_follow()
    if not images_here():
        return
    controls.class_picker()
    with st.expander("Choose and run methods", expanded=_unfolded(), icon=":material/checklist:"):
        chooser()


def _unfolded() -> bool:
    """Whether the choices stand open: until there are results, and on while the methods asked for are under way."""
    model, classes = session.model(), session.view().request.classes
    subject = (model.digest, classes)
    still = st.session_state.get(UNFOLDED) == subject and under_way(ledger(), model, classes)
    unfolded = bool(still) or not finished(ledger(), model, classes)
    st.session_state[UNFOLDED] = subject if unfolded else None
    return unfolded


def _results_follow() -> None:
    """Run the whole page once more when model or classes have changed: the results are no part of this panel."""
    subject = (session.view().model, session.view().request.classes)
    before = st.session_state.get(SUBJECT, subject)
    st.session_state[SUBJECT] = subject
    if before != subject:
        session.run_again()
