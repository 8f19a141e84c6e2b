"""Where no network was retrained without the chosen classes: that is said, and a button leads to Train."""

import streamlit as st

from orthoui.methods.reference import reference_recipe
from orthoui.models.ensemble import members_in
from orthoui.training.command import command_like
from orthoui.ui import session
from orthoui.ui.frame import literal
from orthoui.ui.train.opening import train_button
from orthoui.wording import joined


def reference_offer() -> None:
    """Say that there is nothing to compare with, and offer to train it where that can be done here."""
    card, classes = session.model().card, session.view().request.classes
    # trained on other images, a network would be no reference of this one
    offered = reference_recipe(card, classes) if session.data()["train"].digest == card.images_digest else None
    without = joined([card.classes[label] for label in classes])
    note = f" {offered[1]}" if offered and offered[1] else ""
    st.caption(literal(f"No network was retrained without {without}, so there is nothing to compare with.{note}"))
    if offered:
        train_button("Train the reference", offered[0], "train_reference")
    elif members_in(card.architecture) is not None:  # Train makes single networks only
        st.caption(f"Train one: `{command_like(card, forgets=classes)}`.")
