"""The page's own controls: order, layer, class explained, classes shown, example. All of it is in the link."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from orthoui.ui import session
from orthoui.ui.heatmaps.scene import Scene
from orthoui.ui.layers import layer_entry

ORDERS = {"most": "Most changed", "least": "Least changed", "stored": "As stored"}
LAYER_HELP = "Where the maps are read, behind its batch norm. Late layers see things, early ones edges."
CLASS_HELP = "The heatmaps show what speaks for this class: each image's own, unless you choose one for all."
STEP, MOST = 5, 30


def choices(scene: Scene) -> None:
    """Draw the controls above the pictures."""
    classes: dict[int | None, str] = {None: "Its own class", **dict(enumerate(scene.data.classes))}
    kept: dict[int | None, str] = {
        None: "All others",
        **{label: scene.data.classes[label] for label in scene.retained},
    }
    anatomy = scene.model.anatomy
    layers = {layer.name: layer_entry(anatomy, layer) for layer in anatomy.layers}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="cam_choices"):
        _pick("cam_order", "Order", ORDERS, scene.view.cam_order, 156)
        _pick("cam_layer", "Layer", layers, scene.layer, 186, standard=anatomy.names[-1], help=LAYER_HELP)
        _pick("cam_class", "Class explained", classes, scene.view.cam_class, 150, help=CLASS_HELP)
        _pick("other", "Kept classes", kept, None if len(scene.others) > 1 else scene.others[0], 122)
        _example(scene)


def _pick(
    field: str,
    label: str,
    options: Mapping[Any, str],
    current: Any,
    width: int,
    *,
    standard: Any = None,
    help: str = "",
) -> None:
    """Draw one selector of a field of the view; ``standard`` is the option that stands for None there.

    The options are chosen by their place: to Streamlit an option None is one that was not chosen.
    """
    key, values = f"heat_{field}", list(options)
    st.session_state[key] = values.index(current)

    def chosen() -> None:
        place = st.session_state[key]
        if isinstance(place, int):  # what is no option arrives as the text that the browser sent
            session.change(**{field: None if values[place] == standard else values[place]})

    st.selectbox(
        label,
        range(len(values)),
        format_func=lambda place: options[values[place]],
        key=key,
        on_change=chosen,
        help=help or None,
        width=width,
    )


def _example(scene: Scene) -> None:
    count = len(scene.data["test"].of_class(scene.subject))
    st.session_state["heat_example"] = session.view().example % count + 1
    st.number_input(
        "Example",
        1,
        count,
        key="heat_example",
        on_change=lambda: session.change(example=st.session_state["heat_example"] - 1),
        help=f"Which of each class's {count:,} test images stands first, here and on the Channels page.",
        width=128,
    )


def more_button(scene: Scene) -> None:
    """Offer more rows, and fewer again."""
    rows = scene.view.cam_rows
    with st.container(horizontal=True, key="cam_more"):
        if rows < MOST:
            st.button(
                "Show more", icon=":material/expand_more:", key="cam_rows_more",
                on_click=lambda: session.change(cam_rows=min(MOST, rows + STEP)), type="tertiary",
            )  # fmt: skip
        if rows > STEP:
            st.button(
                "Show fewer", icon=":material/expand_less:", key="cam_rows_fewer",
                on_click=lambda: session.change(cam_rows=max(STEP, rows - STEP)), type="tertiary",
            )  # fmt: skip
