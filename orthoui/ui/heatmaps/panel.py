"""The Heatmaps page: the sentence, the controls, and two groups of pictures side by side."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from orthoui.figures import palette
from orthoui.ui import controls
from orthoui.ui.frame import emptied_on_error, explained, give_way, is_drawn, literal, mark_drawn, panel, reserved
from orthoui.ui.heatmaps.choices import choices, more_button
from orthoui.ui.heatmaps.rows import Row, rows_html
from orthoui.ui.heatmaps.scene import Group, Scene, control_drift, current_scene, group_of
from orthoui.ui.heatmaps.upload import upload_panel
from orthoui.ui.heatmaps.words import (
    METHOD,
    control_words,
    definition,
    group_notes,
    group_title,
    headline,
)
from orthoui.ui.images import images_here
from orthoui.ui.model_bar import model_bar
from orthoui.ui.reference import reference_offer

Place = st.delta_generator.DeltaGenerator


@panel
def heatmaps_panel() -> None:
    """Draw the page; only this part runs again when a control moves."""
    model_bar()
    if not images_here():
        return
    head = st.container(key="headline")
    left, right = st.columns([0.27, 0.73], gap="large")
    with left:
        controls.request_controls()
    with right, explained():
        scene = current_scene()
        choices(scene)
        upload_panel(scene)
        head = _slot(head, 112)
        first, second = (_slot(column, 760) for column in st.columns(2, gap="medium"))
        with emptied_on_error(head, first, second):
            forgotten = group_of(scene, scene.view.request.classes, scene.subject)
            others = group_of(scene, scene.others, scene.others[0])
        with head.container():
            st.markdown(f"## {literal(headline(scene, forgotten, others))}")
            st.markdown(f":small[:gray[{literal(definition(scene, forgotten, others))}]]", help=METHOD)
            control = st.empty()
            _control(control, scene, control_words(scene))
        _group(first.container(), scene, forgotten)
        _group(second.container(), scene, others)
        _foot(scene, (*scene.notices, *forgotten.notices, *others.notices))
        mark_drawn()
        with emptied_on_error(control):
            _control(control, scene, _measured_control(scene, forgotten, others))


def _slot(place: Place, height: int) -> Place:
    """Reserve room with a skeleton until the page was drawn once."""
    return place if is_drawn() else reserved(place, height)


def _measured_control(scene: Scene, forgotten: Group, others: Group) -> str:
    """Measure the null control, last of all: whoever moves a control meanwhile does not wait for it."""
    drifts = []
    for group in (forgotten, others):
        give_way()
        drifts.append(control_drift(scene, group))
    return control_words(scene, *drifts)


def _control(place: Place, scene: Scene, words: str) -> None:
    if scene.control is not None:
        place.markdown(f":small[:gray[{literal(words)}]]")


def _group(place: Place, scene: Scene, group: Group) -> None:
    tone = palette(scene.mode)
    colour = tone.forgotten if group.classes == scene.view.request.classes else tone.retained
    with place:
        st.html(
            f'<h3 class="looks-title"><i style="background:{colour}"></i>{escape(group_title(scene, group))}</h3>'
        )
        rows = [_row(scene, group, at) for at in group.order(scene.view)]
        if group.example is not None:
            rows.insert(0, _row(scene, group.example, 0, "Your example: "))
        st.html(rows_html(scene, rows))
        for note in group_notes(group):
            st.caption(note)


def _row(scene: Scene, group: Group, at: int, before: str = "") -> Row:
    name = scene.data.classes[int(group.images.labels[at])]
    return Row(group.images.images[at], group.compared, at, f"{before}{name} {group.places[at] + 1}", name)


def _foot(scene: Scene, notices: Sequence[str]) -> None:
    more_button(scene)
    st.html('<p class="looks-scale">evidence <i></i> less to more; every map on its own scale</p>')
    if "retrained" not in scene.predictors:
        reference_offer()
    for notice in dict.fromkeys(notices):
        st.warning(notice, icon=":material/info:")
