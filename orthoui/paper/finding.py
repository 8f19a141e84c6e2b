"""Which models a cell is measured on, found in the zoo by their cards, and how to train one that is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orthoui.data.known import KNOWN
from orthoui.errors import RequestError, UnknownNameError
from orthoui.models.architectures import ARCHITECTURES
from orthoui.models.card import ModelCard
from orthoui.models.kinship import PENALTY, TOLD_APART, difference
from orthoui.models.timm_networks import is_timm
from orthoui.models.zoo import ModelEntry, Zoo
from orthoui.paper.schema import Kind
from orthoui.paper.setting import Setting, dataset_title
from orthoui.training.command import command_of, recipe_of, usual_recipe
from orthoui.training.recipe import Recipe
from orthoui.training.train import model_name
from orthoui.wording import parse

SUGGESTED_ORTHOGONALITY = 0.01
"""λ of the shipped recipes; the paper gives none."""
KIND_WORDS: dict[Kind, str] = {
    "orthogonal": "an orthogonal network",
    "plain": "a plain network",
    "retrained": "a network retrained without class",
}

PLACE = ("dataset", "architecture", "width")


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


@dataclass(frozen=True)
class Found:
    """The models of a kind that there are on a setting.

    ``models`` has one for every training seed, lowest seeds first. ``lead`` is the card of the orthogonal network
    that plain and retrained ones are compared with; None: there is none. ``unlike`` says of every model of the kind,
    by name, how its training differs from the lead's; empty: only in what the kind is about. ``classes`` are the
    names of the data set's classes, where they are known.
    """

    models: tuple[ModelEntry, ...]
    lead: ModelCard | None
    unlike: Mapping[str, str]
    classes: tuple[str, ...]


def find_models(zoo: Zoo, setting: Setting, kind: Kind, most: int | None = None) -> list[ModelEntry]:
    """Return the models of a kind on this setting, one for every training seed, lowest seeds first."""
    return list(look_up(zoo, setting, kind).models[:most])


def look_up(zoo: Zoo, setting: Setting, kind: Kind) -> Found:
    """Return the models of a kind on this setting, and how they differ from the orthogonal network.

    Imported models are left out: nobody knows how they were trained. Of several with the same seed the one under its
    recipe's own name is taken, and all were trained alike. The orthogonal network of the lowest seed decides how: a
    plain one differs in the penalty only, a retrained one in the classes left out. Where there is none such, the
    others are taken, as ``Zoo.reference`` does, and ``unlike`` tells.
    """
    entries = zoo.entries()
    found, leads = _fitting(entries, setting, kind), _fitting(entries, setting, "orthogonal")
    lead = _card(leads[0]) if leads else None
    unlike = {entry.name: _difference(_card(entry), lead, kind) if lead else "" for entry in found}
    taken = [entry for entry in found if not unlike[entry.name]] or found
    chosen: dict[int, ModelEntry] = {}
    for entry in taken:
        card = _card(entry)
        if card.seed not in chosen and not _difference(card, _card(taken[0]), kind):
            chosen[card.seed] = entry
    models = tuple(chosen[seed] for seed in sorted(chosen))
    return Found(models, lead, unlike, class_names(zoo, setting.dataset))


def class_names(zoo: Zoo, dataset: str) -> tuple[str, ...]:
    """Return the names of a data set's classes without reading its images; empty where nothing here knows them."""
    for entry in zoo.entries():
        if entry.card is not None and entry.card.dataset == dataset:
            return entry.card.classes
    return KNOWN[dataset].classes if dataset in KNOWN else ()


def training_recipe(setting: Setting, kind: Kind, seed: int = 0, lead: ModelCard | None = None) -> Recipe:
    """Return the recipe that trains a model of a kind on this setting, where there is a ``lead``, as that was."""
    fields: dict[str, Any] = {"width": setting.width, "seed": seed}
    if lead:
        own = {*PLACE, *TOLD_APART, *(PENALTY if kind == "plain" else ())}
        fields |= {name: value for name, value in recipe_of(lead).model_dump().items() if name not in own}
    if kind != "plain":
        fields["orthogonality"] = lead.orthogonality if lead else setting.orthogonality or SUGGESTED_ORTHOGONALITY
    if kind == "retrained":
        fields["forgets"] = (setting.forget_class,)
    usual = usual_recipe(setting.dataset, setting.architecture)
    return parse(Recipe, {**usual.model_dump(), **fields})


def training_command(
    setting: Setting, kind: Kind, seed: int = 0, lead: ModelCard | None = None, classes: Sequence[str] = ()
) -> str:
    """Return the command that trains by ``training_recipe``; ``classes`` are the data set's names, where known."""
    return command_of(training_recipe(setting, kind, seed, lead), classes=classes)


def missing_words(setting: Setting, kind: Kind, lead: ModelCard | None = None, classes: Sequence[str] = ()) -> str:
    """Say which model is missing and how to train it, where there is a ``lead``, as that was."""
    what = f"{KIND_WORDS[kind]} {setting.forget_class}" if kind == "retrained" else KIND_WORDS[kind]
    return (
        f"There is no model for this: {what} on {dataset_title(setting.dataset)} ({setting.architecture}, width "
        f"{setting.width}). Train one with “{training_command(setting, kind, lead=lead, classes=classes)}”."
    )


def unlike_words(setting: Setting, kind: Kind, difference: str, lead: ModelCard | None) -> str:
    """Say how a network was trained otherwise than the orthogonal one, and how to train one that compares."""
    return (
        f"This network was trained otherwise than the orthogonal one ({difference}). Train one that compares with "
        f"“{training_command(setting, kind, lead=lead, classes=lead.classes if lead else ())}”."
    )


def _fitting(entries: Sequence[ModelEntry], setting: Setting, kind: Kind) -> list[ModelEntry]:
    """Return the models of a kind, those that are to be preferred first."""
    return sorted((entry for entry in entries if entry.card and _fits(entry.card, setting, kind)), key=_preference)


def _difference(card: ModelCard, lead: ModelCard, kind: Kind) -> str:
    return difference(card, lead, ("orthogonality", *PENALTY) if kind == "plain" else ())


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
