"""Runs that were made before there was a retrained model: their distance to it can be measured afterwards."""

from collections.abc import Sequence

import streamlit as st

from orthoui.jobs.beside import BesideRequest, title_of
from orthoui.jobs.engine import engine
from orthoui.jobs.method import has_reference, identity_of
from orthoui.jobs.results import BESIDE, MethodRow, under_way, without_distance
from orthoui.ledger import ledger
from orthoui.ui import session


def lacking(rows: Sequence[MethodRow]) -> None:
    """Offer it where a retrained model is there by now and no such job is under way."""
    model, classes = session.model(), session.view().request.classes
    todo = without_distance(rows)
    if not todo or not has_reference(model, classes):
        return
    if any(run.kind == BESIDE for run in under_way(ledger(), model, classes)):
        return
    many = len(todo) > 1
    with st.container(horizontal=True, vertical_alignment="center", key="methods_lacking"):
        st.caption(
            f"{f'{len(todo)} runs were' if many else f'{todo[0].title} was'} measured before there was a retrained "
            f"model, so {'their' if many else 'its'} distance to it is missing.",
            width="content",
        )
        st.button("Measure it now", icon=":material/straighten:", key="methods_measure_beside", on_click=_submit)


def _submit() -> None:
    model, classes = session.model(), session.view().request.classes
    with session.reported():
        asked = BesideRequest(model=model.name, classes=classes)
        engine().submit(BESIDE, asked, title_of(model, classes), identity=identity_of(model, 0))
