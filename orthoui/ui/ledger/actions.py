"""What can be done with chosen runs: open one in Forget, tag, delete, export."""

from collections.abc import Callable, Sequence

import streamlit as st

from orthoui.errors import OrthoError, UnknownNameError
from orthoui.jobs.method import KIND as METHOD
from orthoui.ledger import FORMATS, Run, RunFilter, export, ledger
from orthoui.ledger.forgettings import request_of
from orthoui.models.zoo import zoo
from orthoui.ui import controls, session

FORGET_PAGE = "pages/explore/forget.py"
WORDS = {"csv": "CSV", "json": "JSON", "jsonl": "JSON lines", "parquet": "Parquet"}
MIME = {
    "csv": "text/csv", "json": "application/json", "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}  # fmt: skip


def actions(picked: Sequence[Run], chosen: RunFilter, sort: str, count: int) -> None:
    """Draw the row of buttons; without picked rows an export takes everything that the filter leaves."""
    with st.container(horizontal=True, vertical_alignment="center", key="ledger_actions"):
        _open(picked)
        _tags(picked)
        _delete(picked)
        _exports(picked, chosen, sort, count)


def _open(picked: Sequence[Run]) -> None:
    run = picked[0] if len(picked) == 1 else None
    can = run is not None and _model_there(run)
    if st.button("Open in Forget", icon=":material/open_in_new:", disabled=not can, key="ledger_open") and run:
        open_run(run)


def open_run(run: Run) -> None:
    """Go to the Forget page with what the run was made with. Not for callbacks: it ends the script's run."""
    controls.choose_model(run.model or "")
    if session.view().model != run.model:
        session.run_again()  # the view is as it was; why the model cannot be opened stands above the page
    request = request_of(run)
    if request is not None:
        session.change_request(**request.model_dump())
    elif run.kind == METHOD:
        session.change_request(classes=tuple(run.request.get("classes", ())))
        session.change(result=run.id)
    st.switch_page(FORGET_PAGE)


def _model_there(run: Run) -> bool:
    return any(entry.name == run.model for entry in zoo().trained())


def _tags(picked: Sequence[Run]) -> None:
    with st.popover("Tag", icon=":material/label:", disabled=not picked):
        st.text_input("Tag", key="ledger_new_tag", max_chars=80, placeholder="for example: lecture")
        with st.container(horizontal=True):
            st.button("Give", key="ledger_tag_give", on_click=_tag, args=(picked, ledger().tag))
            st.button("Take away", key="ledger_tag_take", on_click=_tag, args=(picked, ledger().untag))


def _tag(picked: Sequence[Run], act: Callable[[list[str], str], object]) -> None:
    with session.reported():
        act([run.id for run in picked], st.session_state["ledger_new_tag"])


def _delete(picked: Sequence[Run]) -> None:
    label = f"Delete {len(picked)}" if len(picked) > 1 else "Delete"
    with st.popover(label, icon=":material/delete:", disabled=not picked):
        which = "this run" if len(picked) == 1 else f"these {len(picked)} runs"
        st.markdown(f"Delete {which} with checkpoints and logs for good? The models themselves stay.")
        st.button("Delete for good", type="primary", key="ledger_delete", on_click=_delete_now, args=(picked,))


def _delete_now(picked: Sequence[Run]) -> None:
    with session.reported():
        ledger().delete([run.id for run in picked])


def _exports(picked: Sequence[Run], chosen: RunFilter, sort: str, count: int) -> None:
    what = f"{len(picked)} picked" if picked else f"all {count:,}"
    with st.popover(f"Export {what}", icon=":material/download:", disabled=not count):
        for form in FORMATS:

            def content(form: str = form) -> bytes:
                return _content(form, picked, chosen, sort)

            st.download_button(
                WORDS[form],
                content,
                f"orthoui-runs.{form}",
                MIME[form],
                key=f"ledger_export_{form}",
                on_click="ignore",
                width="stretch",
            )


def _content(form: str, picked: Sequence[Run], chosen: RunFilter, sort: str) -> bytes:
    """Return the file; made when its button is pressed, not before."""
    if form not in WORDS:
        raise UnknownNameError("form of export", form, WORDS)
    try:
        return export(list(picked) or ledger().find(chosen, sort=sort), form)
    except OrthoError as error:
        return str(error).encode()
