"""The controls that choose what is forgotten; bounds, steps and help come from the request's own fields."""

from typing import Any, get_args

import streamlit as st

from orthoui.evaluation.presets import paper, recommended
from orthoui.forgetting.request import Attenuation, ForgetRequest, ReadAt, Score, Target
from orthoui.models.zoo import zoo
from orthoui.ui import session
from orthoui.ui.frame import literal
from orthoui.ui.link import default_request, from_query
from orthoui.ui.result_card import result_card
from orthoui.ui.thumbnails import class_thumbnails
from orthoui.ui.view import View
from orthoui.wording import bounds

WORDS = {
    "floor": "Floor (paper)",
    "scaled": "Scaled",
    "uniform": "Uniform",
    "difference": "Difference (paper)",
    "margin": "Margin",
    "standardised": "Standardised",
    "random": "Random (control)",
    "conv": "Filters (paper)",
    "bn": "Batch norm",
    "conv_sync": "Filters and statistics",
    "relu": "Behind the rectifier",
}
READ_WORDS = {"conv": "At the convolution", "bn": "Behind batch norm", "relu": "Behind the rectifier"}
IMAGE_COUNTS = (1, 2, 5, 10, 20, 50, 100, 1_000_000)
KEPT = (
    "example", "tune_epochs", "tune_freeze", "recipe", "train_name", "runs_shown", "methods", "method_columns",
    "every_run", "relearn", "paper", "ledger_text", "ledger_kind", "ledger_state", "ledger_model", "ledger_dataset",
    "ledger_tag", "ledger_sort",
)  # fmt: skip
"""Fields of the view that mean the same for another model."""
RESET = ("example", "tune_epochs", "tune_freeze")
"""Those of them that Reset sets back too; the others belong to other pages."""


def request_controls() -> None:
    """Draw all controls of the request: classes, ratio, strength, presets, and the rest folded.

    While another method's result is looked at, there is nothing to set: it is said what is shown, and the way back.
    """
    shown = session.unlearned()
    if shown is not None:
        result_card(shown)
        return
    class_picker()
    _slider("ratio")
    _slider("strength")
    _presets()
    _set_by_hand()
    with st.expander("Advanced", key="advanced"):
        _advanced()


@session.reported()
def choose_model(name: str, *, keep_settings: bool = False) -> None:
    """Switch to another model; without ``keep_settings`` its own recommended setting is taken."""
    view, model = session.view(), zoo().forgettable(name)
    classes = tuple(label for label in view.request.classes if label < len(model.card.classes)) or (0,)
    request = view.request.model_copy(update={"edits": (), "classes": classes})
    if not keep_settings:
        request = default_request(model, classes)
    kept = {field: getattr(view, field) for field in KEPT}
    session.set_view(View(model=name, request=request, **kept))


@session.reported()
def choose_classes(classes: list[int]) -> None:
    """Forget other classes; a setting that is a preset follows to the new class's preset."""
    count = len(session.model().card.classes)
    if not classes:
        session.report("Choose at least one class to forget.")
    elif len(classes) >= count:
        session.report(f"All {count} classes cannot be forgotten: nothing would be left to keep. Leave one out.")
    else:
        model = session.model()
        preset = current_preset()
        if preset is None:
            session.change_request(classes=tuple(classes), edits=())
        else:
            maker = default_request if preset == "recommended" else paper
            request = maker(model, tuple(sorted(classes)))
            session.change_request(**request.model_dump())


def current_preset() -> str | None:
    """Return “paper” or “recommended” when the request is exactly that preset, else None."""
    request, model = session.view().request, session.model()
    if request == paper(model, request.classes):
        return "paper"
    return "recommended" if request == recommended(model, request.classes) else None


def class_picker() -> None:
    """Draw the classes as pictures to choose from."""
    data = session.data()
    names, pictures = [literal(name) for name in data.classes], class_thumbnails(data.name)
    st.session_state["class_choice"] = list(session.view().request.classes)
    with st.container(key="classes"):
        st.pills(
            "Forget",
            range(len(data.classes)),
            selection_mode="multi",
            format_func=lambda label: f"![{names[label]}]({pictures[label]}) {names[label]}",
            key="class_choice",
            on_change=lambda: choose_classes(st.session_state["class_choice"]),
        )


def _slider(name: str) -> None:
    field = ForgetRequest.model_fields[name]
    low, high = bounds(field)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    key = f"{name}_choice"
    st.session_state[key] = float(getattr(session.view().request, name))
    st.slider(
        str(field.title),
        float(low or 0),
        float(1 if high is None else high),
        step=float(str(extra["step"])),
        format="%.2f",
        key=key,
        help=field.description,
        on_change=lambda: session.change_request(**{name: round(st.session_state[key], 4)}),
    )


def _presets() -> None:
    request, model = session.view().request, session.model()
    best = recommended(model, request.classes)
    active = current_preset()
    with st.container(horizontal=True, key="presets"):
        _preset_button(
            "Paper",
            paper(model, request.classes),
            active == "paper",
            "The paper's setting; where it leaves something open, our reading. What it does in print and here stands "
            "on the page Paper.",
        )
        if best is not None:
            words = "The best setting found for this model on calibration images, never on the test images."
            _preset_button("Recommended", best, active == "recommended", words)
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            type="tertiary",
            key="reset",
            on_click=_reset,
            help="Back to the class shown at the start and this model's recommended setting.",
        )


def _set_by_hand() -> None:
    """Say that channels were set by hand: they are part of every number, and made on another page."""
    count = len(session.view().request.edits)
    # always there: what comes and goes would move all that is below it
    with st.container(horizontal=True, vertical_alignment="center", key="by_hand"):
        if count:
            st.markdown(f":material/pan_tool: {count} channel{'s' if count > 1 else ''} set by hand", width="content")
            st.button(
                "Remove", type="tertiary", key="no_edits", on_click=session.change_request, kwargs={"edits": ()}
            )


def _preset_button(label: str, request: ForgetRequest, active: bool, words: str) -> None:
    st.button(
        label,
        key=f"preset_{label.lower()}",
        type="primary" if active else "secondary",
        on_click=lambda: session.change_request(**request.model_dump()),
        help=words,
    )


@session.reported()
def _reset() -> None:
    show_view(from_query({"model": session.view().model}, zoo())[0])


def show_view(view: View) -> None:
    """Show another view; what belongs to other pages stays as it is."""
    now = session.view()
    session.set_view(view.model_copy(update={field: getattr(now, field) for field in KEPT if field not in RESET}))


def _advanced() -> None:
    request, anatomy = session.view().request, session.model().anatomy
    _choice("score", get_args(Score), WORDS)
    _choice("target", get_args(Target), WORDS)
    _choice("attenuation", get_args(Attenuation), WORDS)
    scopes = ["all", *(f"stage:{stage}" for stage in anatomy.stages)]
    if request.scope not in scopes:
        scopes.append(request.scope)
    words = {scope: scope_words(scope) for scope in scopes}
    _choice("scope", tuple(scopes), words)
    counts = sorted({*IMAGE_COUNTS, request.images_per_class})
    _choice("images_per_class", tuple(counts), {n: "all" if n == IMAGE_COUNTS[-1] else str(n) for n in counts})
    _choice("read_at", get_args(ReadAt), READ_WORDS)
    st.session_state["seed_choice"] = request.seed
    st.number_input(
        "Seed",
        0,
        2**31 - 1,
        key="seed_choice",
        help=ForgetRequest.model_fields["seed"].description,
        on_change=lambda: session.change_request(seed=st.session_state["seed_choice"]),
    )


def scope_words(scope: str) -> str:
    """Return a scope as a person reads it, e.g. “Stage 4 only”."""
    kind, _, items = scope.partition(":")
    if kind == "all":
        return "All layers"
    parts = items.split("+")
    if kind == "stage":
        return f"Stage {' and '.join(parts)} only"
    return f"{len(parts)} chosen layers" if len(parts) > 1 else f"Layer {parts[0]} only"


def _choice(name: str, options: tuple[Any, ...], words: dict[Any, str]) -> None:
    field = ForgetRequest.model_fields[name]
    key = f"{name}_choice"
    st.session_state[key] = getattr(session.view().request, name)
    st.selectbox(
        str(field.title),
        options,
        format_func=lambda option: words[option],
        key=key,
        help=field.description,
        on_change=lambda: session.change_request(**{name: st.session_state[key]}),
    )
