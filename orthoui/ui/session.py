"""One browser session: its view, in step with the link in the address bar, and its list of runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, cast

import streamlit as st

from orthoui.data import Dataset
from orthoui.errors import OrthoError
from orthoui.evaluation.unlearned import UnlearnedNetwork
from orthoui.figures import Mode
from orthoui.jobs.method import unlearned_network
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import zoo
from orthoui.ui.link import from_query, to_query
from orthoui.ui.view import View

VIEW = "view"
LINK, LEFT, CHANGED = "link_known", "link_left_out", "view_changed"
"""Keys of the session: the link read or written last; whether the address has none because a person went back to
that; whether the view was changed since the link was written."""
PROBLEMS = "problems"


def open_session(*, turned: bool = True) -> None:
    """Read the link when the session is new, or when it is another than was written: the browser went back.

    ``turned`` says that the person just came to this page, whose address has no link at first. It is the address
    without a link, too, that going back leads to at last: writing one there would bar the way to the page before.
    """
    query, known = st.query_params.to_dict(), st.session_state.get(LINK)
    # just after a change, an address that is not the known one only lags behind
    went_back = bool(query) and query != known and CHANGED not in st.session_state
    if VIEW not in st.session_state or went_back:
        view, problems = from_query(query, zoo())
        st.session_state[VIEW] = view
        st.session_state[PROBLEMS] = problems
        st.session_state[LINK] = query
    st.session_state[LEFT] = not query and known is not None and not turned


def view() -> View:
    """Return the session's view."""
    return cast(View, st.session_state[VIEW])


def set_view(changed: View) -> None:
    """Replace the session's view; what was wrong with the link no longer matters."""
    st.session_state[VIEW] = changed
    st.session_state[PROBLEMS] = []
    st.session_state[CHANGED] = True


def change_request(**changes: Any) -> None:
    """Change fields of the request; a value that is not allowed is explained and left aside."""
    with reported():
        set_view(view().with_request(**changes))


def change(**choices: Any) -> None:
    """Change fields of the view other than the request, under the same rules; a browser can send anything."""
    with reported():
        set_view(view().with_choices(model(), **choices))


def change_recipe(**changes: Any) -> None:
    """Change fields of the Train page's recipe; a value that is not allowed is explained and left aside."""
    with reported():
        set_view(view().with_recipe(**changes))


def report(problem: str) -> None:
    """Show a sentence above the page until the next change."""
    st.session_state[PROBLEMS] = [problem]


@contextmanager
def reported() -> Iterator[None]:
    """Show an expected error above the page. For callbacks: they run before there is a page."""
    try:
        yield
    except OrthoError as error:
        report(str(error))


def problems() -> list[str]:
    """Return the sentences to show above the page."""
    return cast(list[str], st.session_state.get(PROBLEMS, []))


def write_link() -> None:
    """Put the view into the address bar, so that copying the address copies the view."""
    query = to_query(view())
    if st.session_state.get(LEFT) and query == st.session_state.get(LINK):
        return
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[LINK], st.session_state[LEFT] = query, False
    st.session_state.pop(CHANGED, None)


def run_again() -> NoReturn:
    """Run the whole page once more, the address in step: an older one would be taken for going back."""
    write_link()
    st.rerun()


def model() -> TrainedModel:
    """Return the model of the view."""
    return zoo().get(view().model)


def data() -> Dataset:
    """Return the data set of the view's model."""
    return model().data()


def reference() -> TrainedModel | None:
    """Return the model retrained without the view's classes, if there is one."""
    return zoo().reference(model(), view().request.classes)


def unlearned() -> UnlearnedNetwork | None:
    """Return the network of the method whose result is looked at; None while soft pruning is.

    One that cannot be opened any more is said above the page, which then shows soft pruning.
    """
    shown = view().result
    if shown is None:
        return None
    try:
        return unlearned_network(shown, model(), view().request.classes)
    except OrthoError as error:
        set_view(view().model_copy(update={"result": None}))
        report(str(error))
        run_again()


def mode() -> Mode:
    """Return whether the page is light or dark."""
    return "dark" if st.context.theme.type == "dark" else "light"
