"""The way from other pages to Train, filled with a recipe."""

import streamlit as st

from orthoui.training.recipe import Recipe
from orthoui.ui import session

PAGE = "pages/lab/train.py"


def train_button(label: str, recipe: Recipe, key: str) -> None:
    """Draw a button that opens Train with a recipe, where a person starts it. Not for callbacks."""
    pressed = st.button(
        label,
        icon=":material/model_training:",
        key=key,
        help="Opens Train with every setting filled in; nothing starts before you say so there.",
    )
    if pressed:
        # a name that was typed for another training is not meant for this one
        session.set_view(session.view().model_copy(update={"recipe": recipe, "train_name": ""}))
        st.switch_page(PAGE)
