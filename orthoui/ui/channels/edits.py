"""Channels set by hand: every change can be taken back, step by step or all at once."""

from typing import cast

import streamlit as st

from orthoui.evaluation.channels import ChannelFacts, with_edit
from orthoui.forgetting.request import ChannelEdit, ForgetRequest
from orthoui.ui import session

HISTORY = "edit_history"
MOST_STEPS = 100
MODES: dict[str, float | None] = {"As planned": None, "Spare": 1.0, "Silence": 0.0}

Step = tuple[str, tuple[ChannelEdit, ...]]


def edit_controls(facts: ChannelFacts) -> None:
    """Draw the switch and the slider that set one channel by hand, and the ways back."""
    layer, channel = facts.layer.name, facts.channel
    st.session_state["edit_mode"] = _mode(facts)
    st.segmented_control(
        f"Set channel {channel} by hand",
        list(MODES),
        key="edit_mode",
        on_change=lambda: set_keep(layer, channel, MODES[st.session_state["edit_mode"] or "As planned"]),
        help="Spare keeps all of the channel, silence nothing; it overrides what the plan does with it.",
    )
    st.session_state["edit_keep"] = float(facts.keep)
    st.slider(
        "Kept fraction",
        0.0,
        1.0,
        step=0.05,
        format="%.2f",
        key="edit_keep",
        on_change=lambda: set_keep(layer, channel, round(st.session_state["edit_keep"], 4)),
        help="How much of the channel is kept: 1 all of it, 0 nothing.",
    )
    _ways_back()


def _mode(facts: ChannelFacts) -> str | None:
    if not facts.by_hand:
        return "As planned"
    return {1.0: "Spare", 0.0: "Silence"}.get(facts.keep)


def _ways_back() -> None:
    edits = session.view().request.edits
    with st.container(horizontal=True, key="edit_ways_back"):
        st.button(
            "Undo",
            icon=":material/undo:",
            key="edit_undo",
            on_click=undo,
            disabled=not history(),
            help="Take back the last change of a channel by hand.",
        )
        st.button(
            f"Remove all set by hand ({len(edits)})",
            type="tertiary",
            key="edit_clear",
            on_click=clear,
            disabled=not edits,
            help="Give every channel back to the plan.",
        )


@session.reported()
def set_keep(layer: str, channel: int, keep: float | None) -> None:
    """Set one channel by hand; None gives it back to the plan. The step can be undone."""
    session.change(layer=layer, channel=channel)
    _replace(with_edit(session.view().request, layer, channel, keep))


def clear() -> None:
    """Give every channel back to the plan; this too can be undone."""
    _replace(session.view().request.model_copy(update={"edits": ()}))


def undo() -> None:
    """Take back the last hand-set change made on this model."""
    steps = history()
    if steps:
        st.session_state[HISTORY] = steps[:-1]
        session.change_request(edits=steps[-1][1])


def history() -> list[Step]:
    """Return the steps that can be taken back: those made on the model that is shown."""
    steps = cast(list[Step], st.session_state.get(HISTORY, []))
    return [step for step in steps if step[0] == session.view().model]


def _replace(request: ForgetRequest) -> None:
    view = session.view()
    if request.edits != view.request.edits:
        st.session_state[HISTORY] = [*history(), (view.model, view.request.edits)][-MOST_STEPS:]
        session.set_view(view.model_copy(update={"request": request}))
