"""What a network's weights show where its images are not on this machine: filters, and how much they overlap."""

import streamlit as st

from orthoui.evaluation.channels import filter_image
from orthoui.models.trained import TrainedModel
from orthoui.training.orthogonality import filter_cosines
from orthoui.ui import session
from orthoui.ui.channels.pictures import filter_picture

COLUMNS = {
    "layer": st.column_config.TextColumn("layer"),
    "channels": st.column_config.NumberColumn("channels"),
    "overlap": st.column_config.NumberColumn(
        "overlap",
        format="%.3f",
        help="Mean absolute cosine between the layer's filters: 0 is orthogonal, 1 is all alike.",
    ),
}


def weights_panel() -> None:
    """Draw what needs no image: one filter at a time, and the overlap of the filters of every layer."""
    model = session.model()
    with st.container(key="weights_alone"):
        st.markdown("#### What its weights show without images")
        left, right = st.columns([0.45, 0.55], gap="large")
        with left:
            layer, channel = _choice(model)
            st.html(filter_picture(filter_image(model, layer, channel), session.mode()))
        with right:
            cosines = filter_cosines(model.network)
            mean = sum(cosines.values()) / len(cosines)
            st.caption(f"Mean overlap of its filters: {mean:.3f}. Orthogonal training brings it towards 0.")
            st.dataframe(
                [
                    {"layer": part.name, "channels": part.channels, "overlap": cosines[part.name]}
                    for part in model.anatomy.layers
                ],
                hide_index=True,
                height=360,
                column_config=COLUMNS,
            )


def _choice(model: TrainedModel) -> tuple[str, int]:
    """Draw the choice of layer and channel, which the page keeps for when the images are there."""
    view, names = session.view(), model.anatomy.names
    layer = view.layer if view.layer in names else names[0]
    last = model.anatomy[layer].channels - 1
    st.session_state["weights_layer"] = layer
    st.selectbox(
        "Layer",
        names,
        key="weights_layer",
        on_change=lambda: session.change(layer=st.session_state["weights_layer"], channel=0),
    )
    st.session_state["weights_channel"] = channel = min(view.channel or 0, last)
    st.number_input(
        "Channel",
        0,
        last,
        key="weights_channel",
        on_change=lambda: session.change(layer=layer, channel=st.session_state["weights_channel"]),
    )
    return layer, channel
