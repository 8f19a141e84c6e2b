"""Better settings of a method: take over what was found on calibration images, or have it searched."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from orthoui.jobs.engine import engine
from orthoui.jobs.method import identity_of
from orthoui.jobs.search import (
    KIND,
    Searched,
    SearchRequest,
    candidates,
    latest_search,
    searches_unfinished,
    title_of,
)
from orthoui.ledger import Run, ledger
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
    found = latest_search(ledger(), model, session.data(), classes, name)
    shipped = known_methods(model).get(name, Known()).tuned
    if found is not None:
        st.caption(literal(search_words(found)))
    if found is not None and found.reached:
        _take_button(name, found.best.settings, take)
    elif shipped is not None and shipped.reaches:
        _take_button(name, shipped.settings, take)
    if METHODS[name].search:
        _search_button(name, found)


def _take_button(name: str, settings: Mapping[str, Any], take: Take) -> None:
    if not settings:  # the defaults are the best
        return
    fields = METHODS[name].request.model_fields
    words = ", ".join(f"{title(field, fields[field])} {value}" for field, value in settings.items())
    st.button(
        f"Take the tuned settings: {words}",
        icon=":material/auto_fix_high:",
        key=f"method_tuned_{name}",
        on_click=take,
        args=(name, settings),
        help="Found on calibration images of this model, never on the test images.",
    )


def _search_button(name: str, found: Searched | None) -> None:
    unfinished = _unfinished(name)
    if unfinished:
        words = "is paused" if all(run.state == "paused" for run in unfinished) else "is under way"
        st.caption(f":material/hourglass_top: A search {words}, see Jobs. What it finds will stand here.")
        return
    model, classes = session.model(), session.view().request.classes
    tries = candidates(METHODS[name], model, classes)
    if found is not None and len(tries) == len(found.tried) + len(found.refused):
        return  # the same would be found again
    st.button(
        f"Search better settings ({len(tries)})",
        icon=":material/search:",
        key=f"method_search_{name}",
        on_click=_start,
        args=(name,),
        help=f"Runs {METHODS[name].title} with {len(tries)} settings one after another, as a job, and judges each by "
        "the calibration images. The test images are not looked at.",
    )


def _unfinished(name: str) -> list[Run]:
    return searches_unfinished(ledger(), session.model(), session.view().request.classes, name)


def _start(name: str) -> None:
    if _unfinished(name):  # asked for in another tab meanwhile
        return
    model, classes = session.model(), session.view().request.classes
    request = SearchRequest(model=model.name, method=name, classes=classes)
    with session.reported():
        words = title_of(METHODS[name], model, classes)
        engine().submit(KIND, request, words, method=name, identity=identity_of(model, 0))
