"""In place of soft pruning's controls: which method's result is looked at, and the way back."""

import streamlit as st

from orthoui.evaluation.unlearned import UnlearnedNetwork
from orthoui.ui import session
from orthoui.ui.frame import literal
from orthoui.ui.methods.words import seconds_words
from orthoui.wording import joined

METHODS_PAGE = "pages/lab/methods.py"


def result_card(shown: UnlearnedNetwork) -> None:
    """Say what “after” is on this page."""
    classes = session.model().card.classes
    forgotten = joined([classes[label] for label in session.view().request.classes])
    with st.container(border=True, key="result_card"):
        st.markdown(f"**After: {literal(shown.method)}**")
        spent = seconds_words(shown.seconds)
        st.markdown(f"What this method left when it was asked to forget {literal(forgotten)}, in {spent}.")
        st.button(
            "Back to soft pruning",
            icon=":material/undo:",
            key="result_back",
            width="stretch",
            on_click=lambda: session.change(result=None),
        )
        st.page_link(METHODS_PAGE, label="All methods side by side", icon=":material/compare:")
