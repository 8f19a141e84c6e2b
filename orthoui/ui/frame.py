"""The frame around every page: style, navigation, errors in words."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from typing import Any

import streamlit as st
import torch
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

from orthoui.errors import OrthoError
from orthoui.ledger import ACTIVE, Run
from orthoui.settings import app_folder
from orthoui.ui import session
from orthoui.ui.jobs.indicator import REFRESH_SECONDS, jobs_indicator

log = logging.getLogger(__name__)

# Streamlit loads pandas when it first needs it, and Plotly looks whether it is loaded: two sessions at once, and one
# draws with half of it. Every page imports this module first, and waits until all of it is there.
import_module("pandas")

PAGE, DRAWN = "page_open", "page_drawn"
"""Keys of the session: the page that is open, and whether it shows by now what it is for."""
PAGES = {
    "Explore": (
        ("forget", "Forget", "pages/explore/forget.py", "Forget a class by slider and see the evidence."),
        ("channels", "Channels", "pages/explore/channels.py", "What single channels see, and what they do."),
        ("heatmaps", "Heatmaps", "pages/explore/heatmaps.py", "Where the network looks, before and after."),
    ),
    "Lab": (
        ("train", "Train", "pages/lab/train.py", "Train a network, plain or orthogonal, and watch it learn."),
        ("methods", "Methods", "pages/lab/methods.py", "Every way to unlearn, side by side on the same model."),
        ("runs", "Runs", "pages/lab/runs.py", "Forgettings side by side, and every run that was ever made."),
        ("jobs", "Jobs", "pages/lab/jobs.py", "Long work: what runs, what waits, what came of it."),
        ("paper", "Paper", "pages/lab/paper.py", "What the paper prints, and what is measured here."),
    ),
}
ICONS = {
    "forget": ":material/backspace:",
    "channels": ":material/blur_on:",
    "heatmaps": ":material/center_focus_strong:",
    "train": ":material/model_training:",
    "methods": ":material/compare:",
    "runs": ":material/list_alt:",
    "jobs": ":material/work_history:",
    "paper": ":material/menu_book:",
}


def navigation() -> None:
    """Set up the app and run the page that the address names."""
    st.set_page_config(page_title="OrthoUI", page_icon=app_folder() / "assets" / "logo.svg", layout="wide")
    st.html(app_folder() / "assets" / "style.css")
    pages = [
        st.Page(path, title=title, url_path=url, icon=ICONS[url], help=words, default=url == "forget")
        for group in PAGES.values()
        for url, title, path, words in group
    ]
    page = st.navigation(pages, position="top")
    if turned := st.session_state.get(PAGE) != page.url_path:
        st.session_state[PAGE] = page.url_path
        st.session_state.pop(DRAWN, None)
    with explained():
        session.open_session(turned=turned)
        with explained():
            page.run()
        session.write_link()
    jobs_indicator()


def panel(draw: Callable[[], None]) -> Callable[[], None]:
    """Make a page's content run again by itself: problems above it, errors in words, the link in step with it.

    A fragment that runs again is not inside what ``navigation`` wraps around the page, so it brings its own.
    """

    @wraps(draw)
    def drawn() -> None:
        with explained():
            _show_problems()
            draw()
        session.write_link()

    return st.fragment(drawn)


def watched(draw: Callable[[], Sequence[Run]], known: Sequence[Run]) -> None:
    """Draw jobs, again and again while one is under way; ``draw`` returns those that it drew.

    ``known`` are the same jobs as the page saw them when it ran. When one comes, ends, or is paused or resumed, the
    whole page runs once more: what jobs leave behind is drawn there, once, and not at every refresh. Paused jobs
    need none. Not for: use inside another fragment; see ``orthoui.ui.tuning_panel``.
    """

    def drawn() -> None:
        now = known
        with explained():
            now = draw()
        session.write_link()
        if _states(now) != _states(known):
            session.run_again()

    # Streamlit tells fragments apart by their function's name
    drawn.__qualname__ = f"{draw.__module__}.{draw.__qualname__}"
    st.fragment(drawn, run_every=REFRESH_SECONDS if any(run.state in ACTIVE for run in known) else None)()


def _states(runs: Sequence[Run]) -> set[tuple[str, bool]]:
    return {(run.id, run.state in ACTIVE) for run in runs}


def give_way() -> None:
    """Start this panel anew at once if the person has meanwhile moved another control.

    Streamlit interrupts a run for a new one only when all of the page runs again; a fragment that a control
    belongs to has to wait until the last run is through, unless that one asks. Charts stay until the new ones come.
    """
    context = get_script_run_ctx()
    waiting = None if context is None else context.script_requests
    if context is not None and waiting is not None and waiting._state is ScriptRequestType.RERUN:
        st.rerun(scope="fragment" if context.fragment_ids_this_run else "app")


def _show_problems() -> None:
    """Show what was wrong with the link or with the last thing that was set."""
    for problem in session.problems():
        st.warning(literal(problem), icon=":material/info:")


@contextmanager
def explained() -> Iterator[None]:
    """Show an expected error as a sentence on the page; the rest of the page stays. Also a decorator."""
    try:
        yield
    except OrthoError as error:
        st.error(literal(str(error)), icon=":material/error:")
    except (MemoryError, torch.OutOfMemoryError):
        log.warning("Out of memory while drawing a page.", exc_info=True)
        st.error(
            "There is not enough memory for this. Close other programs, or set ORTHOUI_DEVICE to cpu, and try again.",
            icon=":material/error:",
        )


def is_drawn() -> bool:
    """Whether this page was drawn since the person came to it: what is there then stays, dimmed, until new comes."""
    return DRAWN in st.session_state


def mark_drawn() -> None:
    """Note that the page shows what it is for."""
    st.session_state[DRAWN] = True


def reserved(place: Any, height: int) -> Any:
    """Return a slot in ``place``, a container or Streamlit itself, that shows for now that something will come."""
    slot = place.empty()
    slot.skeleton(height=height)
    return slot


@contextmanager
def emptied_on_error(*slots: Any) -> Iterator[None]:
    """Leave no skeleton behind that nothing will replace: the page says instead what went wrong."""
    try:
        yield
    except Exception:  # any error, which goes on to be explained; Streamlit's own interruptions are none
        for slot in slots:
            slot.empty()
        raise


def literal(sentence: str) -> str:
    """Return a sentence that Markdown shows as it is: it may repeat what a foreign link asked for."""
    return re.sub(r"([\\`*_\[\]#|<>~$]|:(?=//)|(?<=www)\.)", r"\\\1", sentence)
