"""Measuring from the page: start a table as a job, watch it, stop it."""

import streamlit as st

from orthoui.jobs.engine import engine
from orthoui.ledger import ACTIVE, Run, RunFilter, ledger
from orthoui.models.zoo import zoo
from orthoui.paper.job import KIND, identity, left_words
from orthoui.paper.outline import open_measurements, table_path
from orthoui.paper.schema import Table
from orthoui.paper.setting import TABLE_TITLES, ReproduceRequest
from orthoui.ui import session
from orthoui.ui.frame import explained, literal
from orthoui.ui.jobs.indicator import REFRESH_SECONDS

STARTED, FINE_TUNE = "paper_runs", "paper_fine_tune"
"""Keys of the session: the tables that it started, and the tick that has the appendix fine-tuned too."""


def measure_button(table: Table, request: ReproduceRequest) -> None:
    """Offer to measure what is missing of a table, where a model for it is there."""
    request = _with_fine_tuning(table, request)
    missing = open_measurements(table, request, zoo())
    if not missing:
        return
    st.button(
        f"Measure what is missing here ({missing})",
        icon=":material/play_arrow:",
        key=f"measure_{table.table}",
        on_click=_start,
        args=(request,),
        help=f"As a job on this machine, the same as “{request.command}”. It goes on when this page is closed.",
    )


def _with_fine_tuning(table: Table, request: ReproduceRequest) -> ReproduceRequest:
    """Draw the tick for what takes long where it can be measured here, and return the request as it is ticked."""
    tuned = request.model_copy(update={"fine_tune": True})
    lacking = any(cell.measure == "fine-tuned" and not cell.complete for cell in table.cells)
    if not lacking or not open_measurements(table, tuned, zoo()):
        return request
    return tuned if st.checkbox("Fine-tune every class too (takes the longest by far)", key=FINE_TUNE) else request


def _start(request: ReproduceRequest) -> None:
    with session.reported():
        if any(run.request.get("table") == request.table and _same(run, request) for run in active()):
            session.report(f"{TABLE_TITLES[request.table]} is being measured already.")
            return
        run = engine().submit(KIND, request, request.title, identity=identity(request.setting))
        st.session_state[STARTED] = [*st.session_state.get(STARTED, []), run]


def _same(run: Run, request: ReproduceRequest) -> bool:
    return table_path(ReproduceRequest.model_validate(run.request)) == table_path(request)


def active() -> list[Run]:
    """Return the tables that are being measured or wait for it."""
    return ledger().find(RunFilter(kind=(KIND,), state=ACTIVE))


def running() -> None:
    """Show the tables that are being measured, and why one that this session started has failed.

    The page shows their numbers as soon as one is through.
    """
    found = active()
    for run in map(ledger().get, st.session_state.get(STARTED, [])[-1:]):
        if run.state == "failed":
            st.warning(literal(f"{run.title}: {run.error}"), icon=":material/error:")
    if found:
        _watched(tuple(run.id for run in found))


@st.fragment(run_every=REFRESH_SECONDS)
def _watched(known: tuple[str, ...]) -> None:
    with explained():
        found = active()
        if {run.id for run in found} != set(known):
            session.run_again()
        for run in found:
            _shown(run)


def _shown(run: Run) -> None:
    progress = run.progress
    words = [run.title, *([progress.message, left_words(progress)] if progress else ["waiting for a worker"])]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(progress.share if progress else 0.0, text=literal(", ".join(word for word in words if word)))
        st.button("Stop", key=f"stop_{run.id}", on_click=_stop, args=(run.id,), type="tertiary")


def _stop(run_id: str) -> None:
    with session.reported():
        engine().cancel(run_id)
