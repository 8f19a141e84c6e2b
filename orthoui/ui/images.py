"""Images that are not on this machine: what is missing in a sentence, and a button that gets it."""

import streamlit as st

from orthoui.data import dataset_title, how_to_get
from orthoui.data.catalog import is_fetchable
from orthoui.data.known import KNOWN
from orthoui.errors import DamagedError, DatasetError
from orthoui.jobs.engine import engine
from orthoui.jobs.fetch import KIND, FetchRequest
from orthoui.ledger import Run
from orthoui.models.kinship import image_notices
from orthoui.ui import session
from orthoui.ui.frame import literal, watched
from orthoui.ui.jobs.card import job_card
from orthoui.ui.jobs.finding import active_jobs, ended_jobs

MISSING = "missing_images"
"""Data set that the page waits for."""


def images_here() -> bool:
    """Return whether the images of the view's model are on this machine; if not, say what is missing.

    Said is also when they are others than the model was trained on, and when nobody knows what it was trained on.
    """
    st.session_state.pop(MISSING, None)
    try:
        session.data()
    except DatasetError as error:
        name = st.session_state[MISSING] = session.model().card.dataset
        with st.container(key="headline"):
            st.markdown(f"## {literal(_sentence(name))}")
        if is_fetchable(name):
            get_button(name)
            by_hand(name)
        else:
            st.markdown(literal(str(error)))
            if isinstance(error, DamagedError) and name in KNOWN:
                get_button(name, "Download it again")
        st.caption("Other models can be chosen above.")
        return False
    for notice in image_notices(session.model().card, session.data()):
        st.caption(literal(notice))
    return True


def get_button(name: str, label: str = "") -> None:
    """Draw the button that gets a data set as a job; while it is under way, say so. Not for callbacks."""
    st.session_state[MISSING] = name
    if active_jobs(kind=(KIND,), dataset=name):
        st.caption("It is on its way; how far it is stands below.")
        return
    failed = _failed(name)
    if failed is not None:
        st.error(literal(failed.error or ""), icon=":material/error:")
    size = f" ({KNOWN[name].remote.size / 1e6:.0f} MB)" if is_fetchable(name) else ""
    if st.button(label or f"Get {dataset_title(name)}{size}", icon=":material/download:", key=f"get_{name}"):
        request = FetchRequest(name=name)
        engine().submit(KIND, request, request.title, identity=request.identity)
        session.run_again()  # the whole page: the progress and the line in the frame are no part of this panel


def by_hand(name: str) -> None:
    """Draw the folded advice for a machine without a network."""
    with st.expander("If this machine is offline"):
        st.markdown(literal(how_to_get(name)))


def images_watch() -> None:
    """Draw the progress of the download that this page waits for. Not for: use inside another fragment."""
    name = st.session_state.get(MISSING)

    def downloads() -> list[Run]:
        if st.session_state.get(MISSING) != name:  # another model was chosen, and only the panel ran again
            return []
        active = active_jobs(kind=(KIND,), dataset=name)
        for run in active:
            job_card(run)
        return active

    known = active_jobs(kind=(KIND,), dataset=name) if name else []
    if known:
        watched(downloads, known)


def _failed(name: str) -> Run | None:
    """Return the last attempt to get a data set, if it failed."""
    last = ended_jobs(1, kind=(KIND,), dataset=name)
    return last[0] if last and last[0].state == "failed" else None


def _sentence(name: str) -> str:
    title = dataset_title(name)
    if is_fetchable(name):
        return f"The images of {title} are not on this machine yet; nothing can be measured without them."
    return f"The images of {title} that this model needs are not on this machine."
