"""The lower part of the Train page: the trainings under way and the last one, with their curves."""

from typing import Any

import streamlit as st
from pydantic import ValidationError

from orthoui.figures import EpochLine, epoch_lines
from orthoui.jobs.planning import KIND
from orthoui.ledger import Run
from orthoui.models.zoo import zoo
from orthoui.training.recipe import Recipe
from orthoui.training.reports import Moment
from orthoui.training.state import Epoch
from orthoui.ui import controls, session
from orthoui.ui.charts import chart
from orthoui.ui.frame import literal, watched
from orthoui.ui.images import images_watch
from orthoui.ui.jobs.acting import problem
from orthoui.ui.jobs.card import ended_job, job_card
from orthoui.ui.jobs.finding import ended_jobs, unfinished_jobs
from orthoui.ui.jobs.words import duration

FORGET_PAGE = "pages/explore/forget.py"


def training_watch() -> None:
    """Draw the trainings; those under way refresh themselves. Not for: use inside another fragment."""
    images_watch()
    unfinished = unfinished_jobs(kind=(KIND,))
    ended = ended_jobs(1, kind=(KIND,))  # between the others: what ends meanwhile is neither missed nor drawn twice
    watched(_unfinished, unfinished)
    for run in ended:
        _ended(run)


def _unfinished() -> list[Run]:
    sentence = problem()
    if sentence:
        st.warning(literal(sentence), icon=":material/info:")
    unfinished = unfinished_jobs(kind=(KIND,))
    for run in unfinished:
        job_card(run)
        _differences(run)
        if run.state != "queued":
            _curves(run)
    return unfinished


def _ended(run: Run) -> None:
    if run.state == "done":
        _offer(run)
    ended_job(run)
    _differences(run)
    _curves(run)


def _offer(run: Run) -> None:
    """Say what a finished training gave, and lead on from it."""
    accuracy = run.metrics.get("accuracy", {}).get("test")
    name = run.model or ""
    entry = next((entry for entry in zoo().entries() if entry.name == name), None)
    took = f", trained in {duration(run.seconds)}" if run.seconds is not None else ""
    right = f": {accuracy:.1f} % of the test images right" if accuracy is not None else ""
    st.markdown(f"**{literal(name)}**{right}{took}.")
    if entry is None or entry.card is None:
        st.caption(f"Its file is not in the folder of models: {literal(str(run.metrics.get('path', name)))}")
    elif entry.card.forgets:
        left_out = ", ".join(entry.card.classes[label] for label in entry.card.forgets)
        st.caption(
            f"It is a reference and never saw {literal(left_out)}: Forget shows it beside the same network trained "
            "on every class."
        )
    elif st.button(
        "Forget one of its classes", icon=":material/backspace:", type="primary", key=f"train_forget_{run.id}"
    ):
        controls.choose_model(name)
        if session.view().model == name:
            st.switch_page(FORGET_PAGE)
        session.run_again()  # what kept it from being opened stands above the page


def _differences(run: Run) -> None:
    """Say what keeps a training that went on after a break from having the weights of an unbroken one."""
    for sentence in run.progress.metrics.get("differences", ()) if run.progress else ():
        st.caption(f":material/info: {literal(str(sentence))}")


def _curves(run: Run) -> None:
    """Draw loss, accuracy and filter cosine after every finished epoch, and inside the one under way."""
    epochs, moments = _epochs(run), _moments(run)
    total = _total(run, epochs)
    drawn = (("loss", _loss), ("accuracy", _accuracy), ("cosine", _cosine))
    for column, (name, figure) in zip(st.columns(3), drawn, strict=True):
        with column:
            chart(figure(epochs, moments, total), f"curve-{name}-{run.id}")


def _epochs(run: Run) -> list[Epoch]:
    curves = run.progress.metrics.get("curves", ()) if run.progress else ()
    try:
        return [Epoch.model_validate(curve) for curve in curves]
    except ValidationError:  # written by another version
        return []


def _moments(run: Run) -> list[Moment]:
    """Return the points inside the epoch under way; none of a training that is over."""
    found = run.progress.metrics.get("moments", ()) if run.progress and not run.ended else ()
    try:
        return [Moment.model_validate(moment) for moment in found]
    except ValidationError:  # written by another version
        return []


def _total(run: Run, epochs: list[Epoch]) -> int:
    if epochs:  # a training in stages has more than its recipe
        return epochs[-1].epochs
    asked: Any = run.request.get("recipe", {}).get("epochs")
    return asked if isinstance(asked, int) and asked > 0 else Recipe().epochs


def _loss(epochs: list[Epoch], moments: list[Moment], total: int) -> Any:
    title = "Loss: within the first epoch"
    if epochs:
        title = f"Loss {epochs[-1].loss:.3f} after {_times(epochs)}"
    elif moments:
        title = f"Loss {moments[-1].loss:.3f} so far"
    since = tuple((moment.inside, moment.loss) for moment in moments)
    lines = [EpochLine("loss", tuple(epoch.loss for epoch in epochs), since=since)]
    return epoch_lines(
        lines, total, mode=session.mode(), title=title, axis="loss", decimals=3,
        subtitle="classification, mean of the epoch's steps",
    )  # fmt: skip


def _accuracy(epochs: list[Epoch], moments: list[Moment], total: int) -> Any:
    title = "Accuracy: within the first epoch"
    if epochs:
        title = f"{epochs[-1].calibration:.1f} % of calibration images right"
    elif moments:
        title = f"{moments[-1].accuracy:.1f} % right while training so far"
    since = tuple((moment.inside, moment.accuracy) for moment in moments)
    lines = [
        EpochLine("calibration images", tuple(epoch.calibration for epoch in epochs)),
        EpochLine("while training", tuple(epoch.accuracy for epoch in epochs), "beside", since),
    ]
    return epoch_lines(
        lines, total, mode=session.mode(), title=title, axis="accuracy (%)", unit=" %", limits=(0, 102), subtitle=""
    )


def _cosine(epochs: list[Epoch], moments: list[Moment], total: int) -> Any:
    known = [*(epoch.cosine for epoch in epochs), *(moment.cosine for moment in moments)]
    title = f"Filters overlap by {known[-1]:.3f}" if known else "Filter overlap: within the first epoch"
    since = tuple((moment.inside, moment.cosine) for moment in moments)
    lines = [EpochLine("mean absolute cosine", tuple(epoch.cosine for epoch in epochs), since=since)]
    return epoch_lines(
        lines, total, mode=session.mode(), title=title, axis="cosine", decimals=4,
        subtitle="mean absolute cosine; 0 is orthogonal",
    )  # fmt: skip


def _times(epochs: list[Epoch]) -> str:
    return "one epoch" if len(epochs) == 1 else f"{len(epochs)} epochs"
