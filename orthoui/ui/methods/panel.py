"""The upper part of the Methods page: model, classes, and which methods to run."""

import streamlit as st

from orthoui.jobs.results import finished
from orthoui.ledger import ledger
from orthoui.ui import controls, session
from orthoui.ui.frame import panel
from orthoui.ui.images import images_here
from orthoui.ui.methods.chooser import chooser


@panel
def methods_panel() -> None:
    """Draw the choices; only this part runs again when one is changed, and the results follow."""
    controls.model_controls()
    if not images_here():
        return
    controls.class_picker()
    there = finished(ledger(), session.model(), session.view().request.classes)
    with st.expander("Choose and run methods", expanded=not there, icon=":material/checklist:"):
        chooser()
