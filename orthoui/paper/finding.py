"""Which models a cell is measured on, found in the zoo by their cards, and how to train one that is missing."""

import shlex
from collections.abc import Sequence

from orthoui.data.known import KNOWN
from orthoui.errors import RequestError, UnknownNameError
from orthoui.models.architectures import ARCHITECTURES
from orthoui.models.card import ModelCard
from orthoui.models.timm_networks import is_timm
from orthoui.models.zoo import ModelEntry, Zoo, same_recipe
from orthoui.paper.schema import Kind
from orthoui.paper.setting import Setting, dataset_title
from orthoui.training.recipe import Recipe, recipes
from orthoui.training.train import model_name

SUGGESTED_ORTHOGONALITY = 0.01
"""λ of the shipped recipes; the paper gives none."""
KIND_WORDS: dict[Kind, str] = {
    "orthogonal": "an orthogonal network",
    "plain": "a plain network",
    "retrained": "a network retrained without class",
}


def check_architecture(name: str) -> None:
    """Raise ``UnknownNameError`` for a kind of network that there is not."""
    if not is_timm(name) and name not in ARCHITECTURES:
        raise UnknownNameError("architecture", name, ARCHITECTURES)


def check_forget_class(setting: Setting, classes: Sequence[str]) -> None:
    """Raise ``RequestError`` for a class that there is not, where the names of the ``classes`` are known."""
    if classes and setting.forget_class >= len(classes):
        raise RequestError(
            f"There is no class “{setting.forget_class}” in {dataset_title(setting.dataset)}: choose a number from "
            f"0 to {len(classes) - 1}."
        )


def find_models(zoo: Zoo, setting: Setting, kind: Kind, most: int | None = None) -> list[ModelEntry]:
    """Return the models of a kind on this setting, one for every training seed, lowest seeds first.

    Imported models are left out: nobody knows how they were trained. Of several with the same seed the one under its
    recipe's own name is taken, and all were trained alike: of several λ, epochs or other recipes the one that the
    lowest seed has.
    """
    found = [entry for entry in zoo.entries() if entry.card is not None and _fits(entry.card, setting, kind)]
    found.sort(key=_preference)
    chosen: dict[int, ModelEntry] = {}
    for entry in found:
        card = _card(entry)
        if card.seed not in chosen and same_recipe(_card(found[0]), card):
            chosen[card.seed] = entry
    return [chosen[seed] for seed in sorted(chosen)][:most]


def class_names(zoo: Zoo, dataset: str) -> tuple[str, ...]:
    """Return the names of a data set's classes without reading its images; empty where nothing here knows them."""
    for entry in zoo.entries():
        if entry.card is not None and entry.card.dataset == dataset:
            return entry.card.classes
    return KNOWN[dataset].classes if dataset in KNOWN else ()


def training_command(setting: Setting, kind: Kind, seed: int = 0) -> str:
    """Return the command that trains a model of a kind on this setting."""
    name = f"{setting.dataset}-{setting.architecture}"
    known = recipes().get(name)
    words = ["orthoui train", f"--recipe {name}" if known else _named(setting)]
    if (known or Recipe()).width != setting.width:
        words.append(f"--width {setting.width}")
    if kind != "plain":
        words.append(f"--orthogonality {setting.orthogonality or SUGGESTED_ORTHOGONALITY:g}")
    if kind == "retrained":
        words.append(f"--forget {setting.forget_class}")
    if seed:
        words.append(f"--seed {seed}")
    return " ".join(words)


def missing_words(setting: Setting, kind: Kind) -> str:
    """Say which model is missing and how to train it."""
    what = f"{KIND_WORDS[kind]} {setting.forget_class}" if kind == "retrained" else KIND_WORDS[kind]
    return (
        f"There is no model for this: {what} on {dataset_title(setting.dataset)} ({setting.architecture}, width "
        f"{setting.width}). Train one with “{training_command(setting, kind)}”."
    )


def _named(setting: Setting) -> str:
    return f"--dataset {shlex.quote(setting.dataset)} --architecture {shlex.quote(setting.architecture)}"


def _fits(card: ModelCard, setting: Setting, kind: Kind) -> bool:
    wanted = (setting.forget_class,) if kind == "retrained" else ()
    strength = card.orthogonality
    return (
        card.origin == "trained"
        and (card.dataset, card.architecture, card.width) == (setting.dataset, setting.architecture, setting.width)
        and card.forgets == wanted
        and (strength == 0 if kind == "plain" else strength > 0)
        and (kind == "plain" or setting.orthogonality in (None, strength))
    )


def _card(entry: ModelEntry) -> ModelCard:
    if entry.card is None:
        raise ValueError(f"{entry.name} has no card.")
    return entry.card


def _preference(entry: ModelEntry) -> tuple[int, bool, str]:
    card = _card(entry)
    usual = Recipe(
        dataset=card.dataset, architecture=card.architecture, width=card.width, orthogonality=card.orthogonality,
        seed=card.seed, forgets=card.forgets,
    )  # fmt: skip
    return card.seed, entry.name != model_name(usual), entry.name
