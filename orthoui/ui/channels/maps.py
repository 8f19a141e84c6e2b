"""The paper's Figure 1, alive: maps of a forgotten and of a retained image, before and after the pruning."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from orthoui.evaluation.channels import Maps, activation_maps
from orthoui.figures import channel_grid, palette
from orthoui.forgetting.request import ReadAt
from orthoui.ui import session
from orthoui.ui.channels.choice import CELL, FEW, Cell, Scene
from orthoui.ui.channels.strip import example_strip
from orthoui.ui.channels.words import layer_option, order_words
from orthoui.ui.charts import clickable
from orthoui.ui.layers import layer_words

READ_AT: ReadAt = "relu"
"""What passes the rectifier is shown, so that a silent channel is dark."""
WIDTH = 374
WEAK = 0.15
"""Channels whose peaks stay below this share of the layer's highest are drawn darker."""
COLUMNS = 8


@dataclass(frozen=True, eq=False)
class Pair:
    """Maps (channels, h, w) of one image before and after."""

    label: int
    before: Maps
    after: Maps


def measure(scene: Scene) -> tuple[Pair, Pair]:
    """Return the maps of the forgotten and of the retained class's example."""

    changed = scene.plan if scene.unlearned is None else scene.unlearned.network

    def pair(label: int) -> Pair:
        image, layer = scene.image(label), scene.layer.name
        before, after = (
            activation_maps(scene.model, change, image, layer, READ_AT, report=st.warning)
            for change in (None, changed)
        )
        return Pair(label, before, after)

    return pair(scene.subject), pair(scene.other)


def on_one_scale(pairs: tuple[Pair, Pair]) -> tuple[Pair, Pair]:
    """Divide every channel by its highest value in all four maps, so that they can be compared: 0 … 1.

    A channel that is weak beside the strongest of its layer is divided by a share of that one's value instead
    and stays dark: its noise is not blown up.
    """
    highest = np.maximum.reduce([maps.max(axis=(1, 2)) for pair in pairs for maps in (pair.before, pair.after)])
    scale = np.maximum(highest, WEAK * highest.max()).clip(min=np.finfo(np.float32).tiny)[:, None, None]
    first, second = (Pair(pair.label, pair.before / scale, pair.after / scale) for pair in pairs)
    return first, second


def picture_controls(scene: Scene) -> None:
    """Draw what chooses the pictures: layer, classes, the example image, and whether all channels are shown."""
    several = len(scene.view.request.classes) > 1
    columns = iter(st.columns([0.44, *([0.28] if several else []), 0.28, 0.28], vertical_alignment="bottom"))
    names = scene.model.anatomy.names
    with next(columns):
        _select("Layer", "layer", names, scene.layer.name, lambda name: layer_option(scene, str(name)))
    if several:
        with next(columns):
            _class_select(scene, "Forgotten class", "subject", list(scene.view.request.classes), scene.subject)
    retained = [label for label in range(len(scene.data.classes)) if label not in scene.view.request.classes]
    with next(columns):
        _class_select(scene, "Beside it", "other", retained, scene.other)
    if scene.layer.channels > FEW:
        with next(columns):
            _every_switch(scene)
    example_strip(scene)


def _every_switch(scene: Scene) -> None:
    st.session_state["every_choice"] = scene.view.every
    st.toggle(
        f"Show all {scene.layer.channels}",
        key="every_choice",
        on_change=lambda: session.change(every=st.session_state["every_choice"]),
        help=f"Without it, the {FEW} most telling channels are shown.",
    )


def _class_select(scene: Scene, label: str, field: str, options: list[int], value: int) -> None:
    _select(label, field, options, value, lambda place: scene.data.classes[int(place)])


def _select(label: str, field: str, options: Any, value: Any, words: Any) -> None:
    key = f"{field}_choice"
    st.session_state[key] = value

    def changed() -> None:
        fresh = {"channel": None} if field == "layer" else {}
        session.change(**{field: st.session_state[key]}, **fresh)

    st.selectbox(label, options, format_func=words, key=key, on_change=changed)


def map_grids(scene: Scene, pairs: tuple[Pair, Pair]) -> None:
    """Draw the four grids; every cell opens its channel."""
    channels = scene.shown_channels()
    for column, pair, kind in zip(
        st.columns(2, gap="medium"), on_one_scale(pairs), ("forgotten", "retained"), strict=True
    ):
        with column:
            name = scene.data.classes[pair.label]
            colour = getattr(palette(scene.mode), kind)
            st.html(f'<p class="channel-head"><b style="color:{colour}">{escape(name)}</b> · {kind}</p>')
            for when, maps in (("before", pair.before), ("after", pair.after)):
                figure = _grid(scene, maps[channels], channels, f"{name}, {when}", when)
                clickable(figure, f"grid_{kind}_{when}", CELL, _pick(scene))
    st.caption(
        f"{order_words(scene, len(channels))} Maps of {layer_words(scene.model.anatomy, scene.layer)} "
        f"({scene.layer.name}, {scene.layer.size} × {scene.layer.size}) for one test image of each class; "
        "brighter is more active, and a channel has the same scale in all four grids. Click a channel to look closer."
    )


def _grid(scene: Scene, maps: Maps, channels: list[int], name: str, when: str) -> Any:
    marks = scene.factors
    figure = channel_grid(
        np.ascontiguousarray(maps),
        columns=COLUMNS if len(channels) <= 2 * FEW else 2 * COLUMNS,
        channels=channels,
        factors=marks,
        selected=scene.channel,
        limits=(0.0, 1.0),
        width=WIDTH,
        mode=scene.mode,
        title="",
        subtitle=when if when == "before" or marks else "after: this layer is left alone",
    )
    figure.layout.meta |= {"alt": f"{name}.{figure.layout.meta['alt']}"}
    return figure


def _pick(scene: Scene) -> Callable[[Cell], None]:
    def pick(cell: Cell) -> None:
        session.change(layer=scene.layer.name, channel=cell if isinstance(cell, int) else cell[0])

    return pick
