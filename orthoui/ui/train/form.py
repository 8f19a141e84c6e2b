"""The controls of the Train page: every field of the recipe; bounds and help come from the fields themselves."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import streamlit as st

from orthoui.data import dataset_title
from orthoui.models.architectures import ARCHITECTURES
from orthoui.models.timm_networks import is_timm
from orthoui.training.recipe import PenalisedLayers, Penalty, Recipe, recipes
from orthoui.ui import session
from orthoui.ui.train.choice import choose
from orthoui.ui.train.datasets import class_names, entries, entry_words
from orthoui.ui.train.words import (
    FIELDS,
    HELP,
    LAMBDAS,
    LAYERS,
    PENALTIES,
    architecture_words,
    lambda_words,
    preset_words,
)
from orthoui.wording import bounds

Change = Callable[..., None]
OWN = "own"
MINE = ("orthogonality", "penalty", "ortho_layers", "seed", "forgets")
"""Fields that a preset leaves as they are set: they are what one compares with it."""
STEPS = {
    "batch_size": 32, "learning_rate": 0.01, "muon": 0.01, "momentum": 0.05, "weight_decay": 1e-4,
    "label_smoothing": 0.05, "gradient_restriction": 0.001, "cutout": 2, "small_crop": 4, "small_share": 0.1,
}  # fmt: skip
FORMATS = {"weight_decay": "%.5f", "learning_rate": "%.3f", "muon": "%.3f", "gradient_restriction": "%.4f"}


def dataset_choice() -> None:
    """Draw the choice of the data set."""
    found = entries()
    words = {name: entry_words(entry) for name, entry in found.items()}
    current = session.view().recipe.dataset
    _select("dataset", "Data set", {**words, current: words.get(current, f"{current} · unknown")}, changed=choose)


def network_controls() -> None:
    """Draw what is trained and how: the fields that most people change."""
    recipe = session.view().recipe
    first = st.columns([2.2, 1.6, 1, 1], vertical_alignment="bottom")
    with first[0]:
        _preset()
    with first[1]:
        known = {name: architecture_words(name) for name in ARCHITECTURES}
        _select(
            "architecture",
            "Architecture",
            known | {recipe.architecture: architecture_words(recipe.architecture)},
            changed=choose,
        )
    with first[2]:
        _number("width", disabled=is_timm(recipe.architecture))
    with first[3]:
        _number("epochs")
    second = st.columns([1, 2, 1, 1.8], vertical_alignment="bottom")
    with second[0]:
        _lambda()
    with second[1]:
        _left_out()
    with second[2]:
        _number("seed")
    with second[3]:
        _name()


def more_controls() -> None:
    """Draw the rest of the recipe, folded."""
    with st.expander("Penalty, optimiser, augmentation"):
        columns = st.columns(3)
        with columns[0]:
            plain = session.view().recipe.orthogonality == 0
            _select("penalty", FIELDS["penalty"], {name: PENALTIES[name] for name in get_args(Penalty)}, plain)
            _select(
                "ortho_layers",
                FIELDS["ortho_layers"],
                {name: LAYERS[name] for name in get_args(PenalisedLayers)},
                plain,
            )
            if plain:
                st.caption("With λ at 0 there is no penalty.")
            _number("gradient_restriction")
        with columns[1]:
            for name in ("batch_size", "learning_rate", "muon", "momentum", "weight_decay"):
                _number(name)
        with columns[2]:
            _number("label_smoothing")
            _number("crop_padding")
            _number("small_crop")
            _number("small_share", disabled=session.view().recipe.small_crop == 0)
            _number("cutout")
            _toggle("flip")
            _toggle("alternate", disabled=not session.view().recipe.flip)


def _changed(name: str, change: Change = session.change_recipe) -> Any:
    return lambda: change(**{name: st.session_state[f"train_{name}"]})


def _select(
    name: str,
    label: str,
    words: Mapping[str, str],
    disabled: bool = False,
    changed: Change = session.change_recipe,
) -> None:
    key = f"train_{name}"
    st.session_state[key] = getattr(session.view().recipe, name)
    st.selectbox(
        label,
        list(words),
        format_func=lambda value: words.get(value, value),
        key=key,
        on_change=_changed(name, changed),
        help=_help(name),
        disabled=disabled,
    )


def _number(name: str, *, disabled: bool = False) -> None:
    field, value = Recipe.model_fields[name], getattr(session.view().recipe, name)
    key, whole = f"train_{name}", field.annotation is int
    kind: type[int] | type[float] = int if whole else float
    low, high = bounds(field)
    st.session_state[key] = kind(value)
    st.number_input(
        FIELDS[name],
        None if low is None else kind(low),
        None if high is None else kind(high),
        step=kind(STEPS.get(name, 1)),
        format=None if whole else FORMATS.get(name, "%.2f"),
        key=key,
        on_change=_changed(name),
        help=_help(name),
        disabled=disabled,
    )


def _toggle(name: str, *, disabled: bool = False) -> None:
    key = f"train_{name}"
    st.session_state[key] = getattr(session.view().recipe, name)
    st.toggle(FIELDS[name], key=key, on_change=_changed(name), help=_help(name), disabled=disabled)


def _help(name: str) -> str | None:
    words = HELP.get(name) or Recipe.model_fields[name].description
    return words[:1].upper() + words[1:] if words else None


def _lambda() -> None:
    current = session.view().recipe.orthogonality
    st.session_state["train_orthogonality"] = current
    st.selectbox(
        FIELDS["orthogonality"],
        sorted({*LAMBDAS, current}),
        format_func=lambda value: lambda_words(value) if isinstance(value, float) else value,
        key="train_orthogonality",
        on_change=_changed("orthogonality"),
        help=f"{_help('orthogonality')} Any other number from 0 to 1 can be typed.",
        accept_new_options=True,
    )


def _left_out() -> None:
    recipe = session.view().recipe
    names = dict(enumerate(class_names(recipe.dataset)))
    words = names | {label: names.get(label, f"class {label}") for label in recipe.forgets}
    st.session_state["train_forgets"] = list(recipe.forgets)
    st.multiselect(
        "Leave out",
        list(words),
        format_func=lambda label: words.get(label, str(label)),
        key="train_forgets",
        on_change=lambda: session.change_recipe(forgets=tuple(sorted(st.session_state["train_forgets"]))),
        placeholder="No class" if names else "Classes are not known yet",
        disabled=not words,
        help="Classes that are never shown. The result is the retrained reference: what a network is like that never "
        "saw them, with which forgetting is compared.",
    )


def _name() -> None:
    from orthoui.jobs.planning import free_name
    from orthoui.ledger import ledger

    view = session.view()
    st.session_state["train_name"] = view.train_name
    st.text_input(
        "Name",
        key="train_name",
        max_chars=200,
        placeholder=free_name(view.recipe, ledger()),
        on_change=lambda: session.change(train_name=st.session_state["train_name"].strip()),
        help="By which the model is found. Left empty, it gets the name that stands here in grey.",
    )


def _preset() -> None:
    chosen = session.view().recipe
    shipped = dict(sorted(recipes().items(), key=lambda item: item[1].dataset != chosen.dataset))  # its own first
    current = next((name for name, recipe in shipped.items() if _same(recipe, chosen)), OWN)
    words = {name: preset_words(recipe, dataset_title(recipe.dataset)) for name, recipe in shipped.items()}
    st.session_state["train_preset"] = current
    st.selectbox(
        "Recipe",
        [*shipped, *([OWN] if current == OWN else [])],
        format_func=lambda name: words.get(name, "Your own settings"),
        key="train_preset",
        on_change=_take_preset,
        help="Sets everything but λ, its penalty, the seed and what is left out. Run to the end at this width: "
        "Fashion-MNIST, and ResNet-18 on CIFAR-10; the others begin from what did best there.",
    )


def _take_preset() -> None:
    name = st.session_state["train_preset"]
    if name in recipes():
        preset = recipes()[name].model_dump(exclude=set(MINE))
        session.change_recipe(**preset)


def _same(one: Recipe, other: Recipe) -> bool:
    return one.model_dump(exclude=set(MINE)) == other.model_dump(exclude=set(MINE))
