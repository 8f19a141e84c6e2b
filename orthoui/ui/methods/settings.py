"""Settings of methods: every field of a method's request as a control, with its bounds and its help."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import streamlit as st
from pydantic.fields import FieldInfo

from orthoui.methods import METHODS
from orthoui.methods.found import Known, known_methods
from orthoui.ui import session
from orthoui.wording import parse, title

SETTINGS = "method_settings"
"""Method → field → value, of this session; only what differs from the default."""
ELSEWHERE = ("classes", "edits")
"""Fields that are set on the page itself, or on the Channels page."""


def chosen_settings(name: str) -> dict[str, Any]:
    """Return what was set for a method; everything else is its default."""
    return dict(st.session_state.get(SETTINGS, {}).get(name, {}))


def settings_popover(names: Sequence[str]) -> None:
    """Draw the settings of one of the chosen methods, in a popover."""
    changed = sum(bool(chosen_settings(name)) for name in names)
    label = f"Settings · {changed} changed" if changed else "Settings"
    with st.popover(label, icon=":material/tune:", disabled=not names, width="content"):
        name = st.selectbox(
            "Method", names, format_func=lambda one: METHODS[one].title, key="method_settings_of", index=0
        )
        if name is None:
            return
        method = METHODS[name]
        st.caption(f"{method.summary} {method.source}. What stands here first are the published defaults.")
        for field, about in method.request.model_fields.items():
            if field not in ELSEWHERE:
                _control(name, field, about)
        tuned = known_methods(session.model()).get(name, Known()).tuned
        if tuned is not None:
            words = ", ".join(f"{title(field)} {value}" for field, value in tuned.settings.items())
            st.button(
                f"Take the tuned settings: {words}",
                icon=":material/auto_fix_high:",
                key=f"method_tuned_{name}",
                on_click=_take,
                args=(name, tuned.settings),
                help="Found on calibration images of this model, never on the test images.",
            )
        st.button(
            "Back to the defaults",
            icon=":material/restart_alt:",
            type="tertiary",
            key=f"method_defaults_{name}",
            on_click=_take,
            args=(name, {}),
            disabled=not chosen_settings(name),
        )


def _control(name: str, field: str, about: FieldInfo) -> None:
    """Draw one field: a switch, a choice, or a box to type in; its bounds are checked when it is set."""
    key = f"setting_{name}_{field}"
    value = chosen_settings(name).get(field, about.get_default(call_default_factory=True))
    words, label = about.description or "", title(field, about)
    options = [option for option in get_args(about.annotation) if isinstance(option, str)]
    change: dict[str, Any] = {
        "key": key,
        "on_change": _set,
        "args": (name, field),
        "help": words[:1].upper() + words[1:],
    }
    st.session_state[key] = value if about.annotation is bool or options else _text(value)
    if about.annotation is bool:
        st.toggle(label, **change)
    elif options:
        st.selectbox(label, options, **change)
    else:
        st.text_input(label, max_chars=40, placeholder="decided by the method", **change)


def _text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _set(name: str, field: str) -> None:
    """Take a value over if the method's request allows it; otherwise say above the page what is allowed."""
    about = METHODS[name].request.model_fields[field]
    value: Any = st.session_state[f"setting_{name}_{field}"]
    if isinstance(value, str) and value.strip() == "":
        value = None
    fields = {**chosen_settings(name), field: value}
    with session.reported():
        asked = parse(METHODS[name].request, {"classes": session.view().request.classes, **fields})
        fields[field] = getattr(asked, field)
        if fields[field] == about.get_default(call_default_factory=True):
            del fields[field]
        st.session_state[SETTINGS] = {**st.session_state.get(SETTINGS, {}), name: fields}


def _take(name: str, settings: Mapping[str, Any]) -> None:
    """Set a method's settings as given, the rest to its defaults."""
    with session.reported():
        asked = parse(METHODS[name].request, {"classes": session.view().request.classes, **settings})
        fields = {field: getattr(asked, field) for field in settings}
        st.session_state[SETTINGS] = {**st.session_state.get(SETTINGS, {}), name: fields}
