"""The strip of example images: one is chosen, and the other pages show the same one."""

import streamlit as st

from orthoui.figures import data_uri, to_png
from orthoui.ui import session
from orthoui.ui.channels.choice import Scene
from orthoui.ui.thumbnails import picture

LENGTH = 10


def example_strip(scene: Scene) -> None:
    """Draw the images around the chosen one, with steps to the previous and to the next."""
    positions = scene.data["test"].of_class(scene.subject)
    count = len(positions)
    place = scene.view.example % count
    start = place - place % LENGTH
    images = scene.data["test"].images
    sources = {
        at: data_uri(to_png(picture(images[positions[at]]), 2)) for at in range(start, min(start + LENGTH, count))
    }
    with st.container(horizontal=True, vertical_alignment="bottom", key="example_strip"):
        _step("Previous image", ":material/chevron_left:", (place - 1) % count)
        st.session_state["example_choice"] = place
        st.pills(
            f"{scene.data.classes[scene.subject]}, test image {place + 1:,} of {count:,}",
            list(sources),
            format_func=lambda at: f"![image {at + 1}]({sources[at]})",
            key="example_choice",
            required=True,
            on_change=lambda: session.change(example=st.session_state["example_choice"]),
        )
        _step("Next image", ":material/chevron_right:", (place + 1) % count)


def _step(label: str, icon: str, target: int) -> None:
    st.button(
        label,
        icon=icon,
        key=label.lower().replace(" ", "_"),
        type="tertiary",
        on_click=session.change,
        kwargs={"example": target},
    )
