"""One channel close up: its filter, its maps, what excites it, its place in the plan, and what it does."""

from collections import Counter
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from orthoui.evaluation.channels import (
    ChannelFacts,
    channel_effect,
    describe_channel,
    filter_image,
)
from orthoui.evaluation.excitement import strongest_images
from orthoui.figures import difference_bars, image_row, response_bars
from orthoui.ui.channels.choice import Scene
from orthoui.ui.channels.edits import edit_controls
from orthoui.ui.channels.maps import Pair
from orthoui.ui.channels.pictures import filter_picture, map_pictures
from orthoui.ui.channels.words import channel_title, effect_subtitle, effect_title
from orthoui.ui.charts import chart
from orthoui.ui.evidence import SCORE_WORDS
from orthoui.ui.frame import emptied_on_error, reserved
from orthoui.ui.thumbnails import picture

EXCITING = 10
WIDTH = 360


def inspector(scene: Scene, pairs: tuple[Pair, Pair]) -> None:
    """Draw everything there is to know about the chosen channel; what has to be measured comes last."""
    facts = describe_channel(scene.model, scene.profile, scene.view.request, scene.layer.name, scene.channel)
    with st.container(key="inspector"):
        st.markdown(f"### {channel_title(scene, facts)}")
        st.caption(
            f"Rank {facts.rank} of {facts.layer.channels} in its layer, score {facts.score:.2f}: "
            f"{SCORE_WORDS[scene.view.request.score]}. Keeps {100 * facts.keep:.0f} % of itself."
        )
        left, right = st.columns([0.48, 0.52], gap="large")
        with left:
            edit_controls(facts)
            _maps(scene, pairs)
            st.html(filter_picture(filter_image(scene.model, scene.layer.name, scene.channel), scene.mode))
            images = reserved(st, 240)
        with right:
            effect = reserved(st, 300)
        with emptied_on_error(effect, images):
            with right:
                _responses(scene, facts)
            _draw_effect(effect, scene, facts)
            _draw_images(images, scene)


def _maps(scene: Scene, pairs: tuple[Pair, Pair]) -> None:
    shown = [
        (f"{scene.data.classes[pair.label]}, {when}", maps[scene.channel])
        for pair in pairs
        for when, maps in (("before", pair.before), ("after", pair.after))
    ]
    highest = max(float(values.max()) for _, values in shown)
    st.html(map_pictures(shown, (0.0, highest or 1.0)))


def _responses(scene: Scene, facts: ChannelFacts) -> None:
    forgotten = scene.view.request.classes
    retained = [label for label in range(len(scene.data.classes)) if label not in forgotten]
    rival = max(retained, key=lambda label: facts.responses[label])
    per_class = min(scene.view.request.images_per_class, int(np.bincount(scene.data["train"].labels.numpy()).max()))
    name = scene.data.classes[rival]
    higher = facts.responses[list(forgotten)].mean() > facts.responses[rival]
    figure = response_bars(
        [float(value) for value in facts.responses],
        scene.data.classes,
        forgotten,
        mode=scene.mode,
        title=f"Of the others, {name} excites it most"
        if higher
        else f"{name} excites it more than the forgotten class",
        subtitle=f"mean peak response to {per_class:,} training images of each class",
    )
    chart(figure, "channel_responses")


def _draw_effect(slot: Any, scene: Scene, facts: ChannelFacts) -> None:
    # By hand: against the plan. In the plan: against leaving it alone. Neither: what silencing it would do.
    keep, baseline = (facts.keep, None) if facts.by_hand else (facts.planned_keep, 1.0)
    if not facts.by_hand and facts.planned_keep == 1:
        keep = 0.0
    effect = channel_effect(
        scene.model, scene.data, scene.view.request, scene.layer.name, scene.channel, keep, baseline
    )
    figure = difference_bars(
        effect.changes,
        scene.data.classes,
        scene.view.request.classes,
        mode=scene.mode,
        title=effect_title(facts, effect, scene.data.classes),
        subtitle=effect_subtitle(facts, effect),
    )
    with slot.container():
        chart(figure, "channel_effect")


def _draw_images(slot: Any, scene: Scene) -> None:
    images = scene.data["calibration"]
    positions, _ = strongest_images(scene.model, images, scene.layer.name, scene.channel, EXCITING)
    labels = images.labels[positions].tolist()
    with slot.container():
        chart(_image_figure(scene, [picture(images.images[at]) for at in positions], labels), "channel_images")


def _image_figure(scene: Scene, pictures: list[Any], labels: list[int]) -> go.Figure:
    names = [scene.data.classes[label] for label in labels]
    favourite, count = Counter(names).most_common(1)[0]
    return image_row(
        pictures,
        names,
        columns=5,
        marked=[place for place, label in enumerate(labels) if label in scene.view.request.classes],
        width=WIDTH,
        mode=scene.mode,
        title=f"Of the {len(names)} images that excite it most, {count} show {favourite}",
        subtitle=f"from {len(scene.data['calibration']):,} calibration images, strongest first, before pruning",
    )
