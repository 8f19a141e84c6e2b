"""The upper part of the Train page: what would be trained, the settings, and the button that starts it."""

import streamlit as st

from orthoui.data import dataset_title
from orthoui.errors import RequestError, shortened
from orthoui.jobs.engine import engine
from orthoui.jobs.planning import Estimate, checked, estimate, free_name, interrupted
from orthoui.jobs.train import TrainRequest
from orthoui.ledger import ledger
from orthoui.training.beginning import few_steps, steps_in_all
from orthoui.training.recipe import Recipe
from orthoui.ui import session
from orthoui.ui.frame import literal, panel
from orthoui.ui.images import MISSING
from orthoui.ui.jobs.words import duration
from orthoui.ui.train.datasets import class_names, dataset_note, own_images, training_images
from orthoui.ui.train.form import dataset_choice, more_controls, network_controls
from orthoui.ui.train.words import amount_words, headline
from orthoui.wording import parse


@panel
def train_panel() -> None:
    """Draw the settings; only this part runs again when one is changed."""
    st.session_state.pop(MISSING, None)
    recipe = session.view().recipe
    names = dict(enumerate(class_names(recipe.dataset)))
    left_out = [names.get(label, f"class {label}") for label in recipe.forgets]
    with st.container(key="headline"):
        st.markdown(f"## {literal(headline(recipe, shortened(dataset_title(recipe.dataset)), left_out))}")
        images = _images(recipe, len(names))
        amount = "" if images is None else f"{amount_words(recipe, images)} "
        st.markdown(f":small[:gray[{amount}{_time(estimate(recipe, ledger()))}]]")
    with st.container(key="train_form"):
        first, second = st.columns([0.76, 0.24], vertical_alignment="bottom")
        with first:
            dataset_choice()
        with second:
            own_images()
        problem = dataset_note(recipe.dataset)
        network_controls()
        more_controls()
        warning = None if images is None else few_steps(steps_in_all(recipe, images))
        if warning:
            st.warning(warning, icon=":material/info:")
        _start(problem)


def _images(recipe: Recipe, classes: int) -> int | None:
    """Return how many images an epoch has, those left out counted as if classes were alike; None: not known."""
    images = training_images(recipe.dataset)
    if images is None or not recipe.forgets:
        return images
    return images * max(0, classes - len(recipe.forgets)) // classes if classes else None


def _time(expected: Estimate | None) -> str:
    if expected is None:
        return (
            "No such training has been done here yet, so how long it takes is not known before it runs. It goes on "
            "when you close this page."
        )
    earlier = "an earlier training" if expected.runs == 1 else f"{expected.runs} earlier trainings"
    other = " of any width and length" if expected.rough else ""
    return (
        f"About {duration(expected.seconds)}, judging by {earlier}{other} here. It goes on when you close this page."
    )


def _start(problem: str | None) -> None:
    """Draw the button; what keeps it from being pressed stands beside it."""
    request = None
    try:
        request = _request()
        checked(request, class_names(request.recipe.dataset), ledger(), anew=True)  # what else is wrong comes first
        given_up = interrupted(request)
        if given_up is not None and not _anew(request):
            problem = problem or given_up
    except RequestError as error:
        problem = problem or str(error)
    with st.container(horizontal=True, vertical_alignment="center", key="train_start_row"):
        pressed = st.button(
            "Start training",
            icon=":material/play_arrow:",
            type="primary",
            key="train_start",
            disabled=problem is not None or request is None,
        )
        if problem is not None:
            st.markdown(f":material/info: {literal(problem)}")
        elif request is not None:
            st.caption(f"The model will be called {literal(request.model)}.")
    if pressed and request is not None and problem is None:
        engine().submit("train", request, request.title, identity=request.identity)
        session.run_again()  # the whole page: the curves and the line in the frame are no part of this panel


def _anew(request: TrainRequest) -> bool:
    """Draw the tick that gives up an interrupted training; one for every name, so that it is meant each time."""
    return st.checkbox(
        f"Start anew and give up the interrupted training of {literal(request.model)}",
        key=f"train_anew_{request.model}",
    )


def _request() -> TrainRequest:
    """Return the training that the page is set to, with its name. Raises ``RequestError``.

    A start is a start: only “Try again” goes on from what an interrupted training of the same name left, and what
    that left is given up only when a person says so.
    """
    view = session.view()
    name = view.train_name or free_name(view.recipe, ledger())
    return parse(TrainRequest, {"recipe": view.recipe, "name": name, "restart": True})
