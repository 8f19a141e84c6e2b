"""Settings of methods: every field of a method's request as a control, with its bounds and its help."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import streamlit as st
from pydantic.fields import FieldInfo

from orthoui.errors import RequestError
from orthoui.evaluation.presets import recommended
from orthoui.forgetting.request import ForgetRequest
from orthoui.jobs.method import STANDARD, start_of
from orthoui.methods import METHODS, Method, MethodRequest
from orthoui.methods.retrain import ready_one
from orthoui.methods.setting_texts import settings_in, written
from orthoui.ui import session
from orthoui.ui.methods.search import better_settings
from orthoui.wording import parse, title

ELSEWHERE = ("classes", "edits")
"""Fields that are set on the page itself, or on the Channels page."""


def changes(name: str) -> dict[str, Any]:
    """Return what was set for a method; everything else is as ``start`` has it."""
    texts = settings_in(session.view().settings).get(name, {})
    try:
        asked = _asked(name, texts)
    except RequestError as error:  # a link may set what does not go together
        session.report(str(error))
        return {}
    return {field: getattr(asked, field) for field in texts}


def start(name: str) -> MethodRequest:
    """Return what a run of the method on this page asks for when nothing was set.

    That is as on the command line, only that a retrained model which lies ready is taken rather than trained anew.
    """
    model, classes = session.model(), session.view().request.classes
    asked = start_of(METHODS[name], model, classes)
    return asked.model_copy(update={"ready": True}) if name == STANDARD and ready_one(model, classes) else asked


def settings_of(name: str) -> dict[str, Any]:
    """Return the settings that a run of the method is submitted with."""
    ready = {"ready": True} if getattr(start(name), "ready", False) else {}
    return {**ready, **changes(name)}


def _asked(name: str, fields: Mapping[str, Any]) -> MethodRequest:
    """Return the whole request with these fields set. Raises ``RequestError`` for what the method does not take.

    A field that nobody set is left to the request, because it may follow from the others, as with ``compat``.
    """
    return parse(METHODS[name].request, {**start(name).model_dump(exclude_unset=True), **fields})


def _keep(name: str, fields: Mapping[str, Any]) -> None:
    others = [text for text in session.view().settings if not text.startswith(f"{name}.")]
    session.change(settings=(*others, *(written(name, field, value) for field, value in fields.items())))


def settings_popover(names: Sequence[str]) -> None:
    """Draw the settings of one of the chosen methods, in a popover."""
    changed = sum(bool(changes(name)) for name in names)
    label = f"Settings · {changed} changed" if changed else "Settings"
    with st.popover(label, icon=":material/tune:", disabled=not names, width="content"):
        name = st.selectbox(
            "Method", names, format_func=lambda one: METHODS[one].title, key="method_settings_of", index=0
        )
        if name is None:
            return
        method = METHODS[name]
        st.caption(f"{method.summary} {method.source}. What stands here first: {_origin(method)}.")
        for field, about in method.request.model_fields.items():
            if field not in ELSEWHERE:
                _control(name, field, about)
        better_settings(name, _take)
        st.button(
            "Back to the defaults",
            icon=":material/restart_alt:",
            type="tertiary",
            key=f"method_defaults_{name}",
            on_click=_take,
            args=(name, {}),
            disabled=not changes(name),
        )


def _control(name: str, field: str, about: FieldInfo) -> None:
    """Draw one field: a switch, a choice, or a box to type in; its bounds are checked when it is set."""
    key = f"setting_{name}_{field}"
    value = getattr(_asked(name, changes(name)), field)
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


def _origin(method: Method) -> str:
    pruning = issubclass(method.request, ForgetRequest)
    if pruning and recommended(session.model(), session.view().request.classes) is not None:
        return "this model's recommended setting"
    return method.origin


def _set(name: str, field: str) -> None:
    """Take a value over if the method's request allows it; otherwise say above the page what is allowed."""
    value: Any = st.session_state[f"setting_{name}_{field}"]
    if isinstance(value, str) and value.strip() == "":
        value = None
    with session.reported():
        others = {key: one for key, one in changes(name).items() if key != field}
        asked = getattr(_asked(name, {**others, field: value}), field)
        unset = getattr(_asked(name, others), field)
        _keep(name, others if asked == unset else {**others, field: asked})


def _take(name: str, settings: Mapping[str, Any]) -> None:
    """Set a method's settings as given, the rest as a run starts."""
    with session.reported():
        asked = _asked(name, settings)
        _keep(name, {field: getattr(asked, field) for field in settings})
