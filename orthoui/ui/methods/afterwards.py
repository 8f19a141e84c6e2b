"""Runs that were made before there was a retrained model: their distance to it can be measured afterwards."""

from collections.abc import Sequence

import streamlit as st

from orthoui.jobs.distance import DistanceRequest, title_of
from orthoui.jobs.engine import engine
from orthoui.jobs.method import has_reference, identity_of
from orthoui.jobs.results import DISTANCE, finished, under_way, without_distance
from orthoui.ledger import Run, ledger
from orthoui.ui import session
from orthoui.ui.frame import literal


def distance_afterwards(active: Sequence[Run]) -> None:
    """Offer it where a retrained model is there by now; ``active`` are the jobs under way that do it."""
    model, classes = session.model(), session.view().request.classes
    todo = without_distance(finished(ledger(), model, classes, every=True))
    if not todo or active or not has_reference(model, classes):
        return
    many = len(todo) > 1
    with st.container(horizontal=True, vertical_alignment="center", key="methods_lacking"):
        st.caption(
            f"{f'{len(todo)} runs were' if many else f'{literal(todo[0].title)} was'} measured before there was a "
            f"retrained model, so {'their' if many else 'its'} distance to it is missing.",
            width="content",
        )
        if st.button("Measure it now", icon=":material/straighten:", key="methods_measure_distance"):
            _submit()
            session.run_again()  # the whole page: it begins to refresh itself, or says why it cannot


def _submit() -> None:
    model, classes = session.model(), session.view().request.classes
    with session.reported():
        if any(run.kind == DISTANCE for run in under_way(ledger(), model, classes)):
            return  # asked for in another tab
        asked = DistanceRequest(model=model.name, classes=classes)
        engine().submit(DISTANCE, asked, title_of(model, classes), identity=identity_of(model, 0))
