"""The page's own controls: order, layer, class explained, classes shown, example. All of it is in the link."""

import streamlit as st

from orthoui.ui import session
from orthoui.ui.heatmaps.scene import Scene
from orthoui.ui.heatmaps.words import layer_words, names_of

ORDERS = {"most": "Most changed first", "least": "Least changed first", "stored": "As stored"}
STEP = 5


def choices(scene: Scene) -> None:
    """Draw the controls above the pictures."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="cam_choices"):
        _pick("cam_order", "Order", list(ORDERS), ORDERS, width=190)
        layers = list(scene.model.anatomy.names)
        words = {name: layer_words(scene.model.anatomy, name) for name in layers}
        st.session_state["cam_layer_choice"] = scene.layer
        st.selectbox(
            "Layer",
            layers,
            format_func=lambda name: words[name],
            key="cam_layer_choice",
            on_change=lambda: _set_layer(scene, st.session_state["cam_layer_choice"]),
            help="Where the maps are read, behind its batch norm. Late layers see things, early ones edges.",
            width=225,
        )
        classes: list[int | None] = [None, *range(len(scene.data.classes))]
        names = {None: "Each image's own", **dict(enumerate(scene.data.classes))}
        _pick(
            "cam_class",
            "Class explained",
            classes,
            names,
            width=175,
            help="The heatmaps show what speaks for this class. Each image's own class unless you choose one.",
        )
        retained: list[int | None] = [None, *scene.retained]
        kept = {None: "All others", **{label: names_of(scene, [label]) for label in scene.retained}}
        if session.view().other not in retained:
            session.change(other=None)
        _pick("other", "Kept classes shown", retained, kept, width=150)
        _example(scene)


def _set_layer(scene: Scene, name: str) -> None:
    last = scene.model.anatomy.names[-1]
    session.change(cam_layer=None if name == last else name)


def _pick(
    field: str, label: str, options: list[object], words: dict[object, str], *, width: int, help: str = ""
) -> None:
    key = f"{field}_choice"
    st.session_state[key] = getattr(session.view(), field)
    st.selectbox(
        label,
        options,
        format_func=lambda option: words[option],
        key=key,
        on_change=lambda: session.change(**{field: st.session_state[key]}),
        help=help or None,
        width=width,
    )


def _example(scene: Scene) -> None:
    count = len(scene.data["test"].of_class(scene.subject))
    st.session_state["example_choice"] = session.view().example % count + 1
    st.number_input(
        "Example",
        1,
        count,
        key="example_choice",
        on_change=lambda: session.change(example=st.session_state["example_choice"] - 1),
        help=f"Which of each class's {count:,} test images stands first, here and on the Channels page.",
        width=125,
    )


def more_button(scene: Scene) -> None:
    """Offer more rows, and fewer again."""
    rows = scene.view.cam_rows
    with st.container(horizontal=True, key="cam_more"):
        if rows < 30:
            st.button(
                "Show more", icon=":material/expand_more:", key="cam_rows_more",
                on_click=lambda: session.change(cam_rows=min(30, rows + STEP)), type="tertiary",
            )  # fmt: skip
        if rows > STEP:
            st.button(
                "Show fewer", icon=":material/expand_less:", key="cam_rows_fewer",
                on_click=lambda: session.change(cam_rows=max(STEP, rows - STEP)), type="tertiary",
            )  # fmt: skip
