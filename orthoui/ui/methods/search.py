"""Better settings of a method: take over what was found on calibration images, or have it searched."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from orthoui.jobs.engine import engine
from orthoui.jobs.method import identity_of
from orthoui.jobs.search import KIND, Searched, SearchRequest, candidates, searched, searches, title_of
from orthoui.ledger import ledger
from orthoui.methods import METHODS
from orthoui.methods.found import Known, known_methods
from orthoui.ui import session
from orthoui.ui.frame import literal
from orthoui.ui.methods.words import search_words
from orthoui.wording import title

Take = Callable[[str, Mapping[str, Any]], None]


def better_settings(name: str, take: Take) -> None:
    """Draw what a search found, with a button that calls ``take``, and the offer to search here."""
    model, classes = session.model(), session.view().request.classes
    found = searched(ledger(), model, name, classes)
    shipped = known_methods(model).get(name, Known()).tuned
    if found is not None:
        st.caption(literal(search_words(found)))
        if found.best is not None and found.best.settings:
            _take_button(name, found.best.settings, take)
    elif shipped is not None:
        _take_button(name, shipped.settings, take)
    if METHODS[name].search:
        _search_button(name, found)


def _take_button(name: str, settings: Mapping[str, Any], take: Take) -> None:
    words = ", ".join(f"{title(field)} {value}" for field, value in settings.items())
    st.button(
        f"Take the tuned settings: {words}",
        icon=":material/auto_fix_high:",
        key=f"method_tuned_{name}",
        on_click=take,
        args=(name, settings),
        help="Found on calibration images of this model, never on the test images.",
    )


def _search_button(name: str, found: Searched | None) -> None:
    model, classes = session.model(), session.view().request.classes
    if searches(ledger(), model, name, classes, active=True):
        st.caption(":material/hourglass_top: A search is under way, see Jobs. What it finds stands here afterwards.")
        return
    many = len(candidates(METHODS[name], model, classes))
    st.button(
        "Search again" if found else f"Search better settings ({many})",
        icon=":material/search:",
        key=f"method_search_{name}",
        on_click=_start,
        args=(name,),
        help=f"Runs {METHODS[name].title} with {many} settings one after another, as a job, and judges each by the "
        "calibration images: those kept aside from training. The test images are not looked at.",
    )


def _start(name: str) -> None:
    model, classes = session.model(), session.view().request.classes
    request = SearchRequest(model=model.name, method=name, classes=classes)
    with session.reported():
        title_words = title_of(METHODS[name], model, classes)
        engine().submit(KIND, request, title_words, method=name, identity=identity_of(model, 0))
