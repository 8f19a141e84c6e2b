"""The Channels page, put together: only this part runs again when something on it is set."""

from collections.abc import Callable

import streamlit as st

from orthoui.evaluation.channels import channel_in_bar
from orthoui.ui import controls, session
from orthoui.ui.channels.choice import BAR, MARK, Bar, Scene, current_scene
from orthoui.ui.channels.inspector import inspector
from orthoui.ui.channels.maps import map_grids, measure, picture_controls
from orthoui.ui.channels.weights import weights_panel
from orthoui.ui.channels.words import headline
from orthoui.ui.charts import clickable
from orthoui.ui.evidence import histogram_figure, layers_figure
from orthoui.ui.frame import literal, panel
from orthoui.ui.images import images_here
from orthoui.ui.layers import layer_words
from orthoui.ui.model_bar import model_bar


@panel
def channels_panel() -> None:
    """Draw the page."""
    model_bar()
    if not images_here():
        weights_panel()
        return
    scene = current_scene()
    with st.container(key="headline"):
        st.markdown(f"## {literal(headline(scene))}")
    with st.container():  # always there: what comes and goes would move all that is below it
        _lead(scene)
    for notice in scene.notices:
        st.warning(notice, icon=":material/info:")
    left, right = st.columns([0.27, 0.73], gap="large")
    with left:
        controls.request_controls()
    with right:
        picture_controls(scene)
        pairs = measure(scene)
        map_grids(scene, pairs)
        if scene.unlearned is not None:
            st.caption("Scores and single channels belong to soft pruning; go back to it to inspect them.")
            return
        overview = st.container(key="channel_overview")
        inspector(scene, pairs)
    with overview:
        _overview(scene)


def _lead(scene: Scene) -> None:
    """Offer the way to a scaled channel where this layer has none."""
    strongest = None if scene.factors else scene.strongest()
    if strongest is not None:
        layer = layer_words(scene.model.anatomy, scene.model.anatomy[strongest[0]])
        st.button(
            f"Show the one of them that responds most: channel {strongest[1]} of {layer}",
            key="strongest",
            icon=":material/arrow_forward:",
            on_click=session.change,
            kwargs={"layer": strongest[0], "channel": strongest[1]},
        )


def _overview(scene: Scene) -> None:
    """Draw every channel of the plan as a mark to click: this layer as a histogram, all layers as strips."""
    if not scene.plan.layers:
        return
    name = scene.layer.name
    with st.expander("Find a channel by its score"):
        if name in scene.plan.layers:
            clickable(histogram_figure(scene.plan, scene.mode, name), "channel_histogram", BAR, _pick_bar(scene))
        figure = layers_figure(scene.plan, scene.mode, (name, scene.channel))
        clickable(figure, "channel_strips", MARK, lambda mark: session.change(layer=mark[0], channel=mark[1]))


def _pick_bar(scene: Scene) -> Callable[[Bar], None]:
    def pick(bar: Bar) -> None:
        found = channel_in_bar(scene.plan, bar[1], bar[2], scene.layer.name)
        if found is not None:
            session.change(layer=found[0], channel=found[1])

    return pick
