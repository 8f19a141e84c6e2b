"""The bar on top of the pages of one model: which one, its plain or orthogonal twin, and how it was trained."""

from collections import Counter

import streamlit as st

from orthoui.data import dataset_title
from orthoui.models.kinship import PENALTY, differences, is_contrast
from orthoui.models.zoo import zoo
from orthoui.ui import controls, session
from orthoui.ui.frame import literal
from orthoui.ui.introduction import introduction
from orthoui.ui.trained import how_trained

CONTRAST = "The same data, size and seed, trained with or without the orthogonality penalty."


def model_bar() -> None:
    """Draw the choice of the model, the one-click contrast with its twin, and how the model was trained."""
    titles = model_titles()
    with st.container(horizontal=True, vertical_alignment="center", key="model_bar"):
        st.session_state["model_choice"] = session.view().model
        st.selectbox(
            "Model",
            list(titles),
            format_func=lambda name: titles.get(name, name),
            key="model_choice",
            on_change=lambda: controls.choose_model(st.session_state["model_choice"]),
            label_visibility="collapsed",
            width=430,
        )
        twin = twin_of(session.view().model)
        if twin is not None:
            name, unlike = twin
            kind = "orthogonal" if session.model().card.orthogonality == 0 else "plain"
            st.button(
                f"Same sliders, {kind} network",
                icon=":material/compare_arrows:",
                key="twin",
                on_click=controls.choose_model,
                args=(name,),
                kwargs={"keep_settings": True},
                help=literal(f"{CONTRAST} {unlike}".strip()),
            )
            if unlike:
                st.caption(literal(unlike), width="content")
        how_trained()
        introduction()


def model_titles() -> dict[str, str]:
    """Return what a person reads for every model a class can be forgotten in; two alike are told apart by name."""
    cards = {entry.name: entry.card for entry in zoo().trained() if entry.card is not None}
    titles = {name: f"{dataset_title(card.dataset)} · {card.title}" for name, card in cards.items()}
    counts = Counter(titles.values())
    return {name: title if counts[title] == 1 else f"{title} ({name})" for name, title in titles.items()}


def twin_of(name: str) -> tuple[str, str] | None:
    """Return the model that has the orthogonality penalty where this one has none, or the reverse, if there is one.

    One that differs in the penalty alone is preferred, then the one that differs least; beside its name stands how
    else it was trained, in a sentence, empty where it was not.
    """
    here = zoo().get(name).card
    found = [
        (entry.name, differences(entry.card, here, ("orthogonality", *PENALTY)))
        for entry in zoo().trained()
        if entry.card is not None and is_contrast(entry.card, here)
    ]
    if not found:
        return None
    nearest, unlike = min(found, key=lambda pair: len(pair[1]))
    return nearest, f"It was also trained otherwise: {', '.join(unlike)}." if unlike else ""
