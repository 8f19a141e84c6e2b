"""The command that trains by a recipe, said as shortly as the shipped recipes allow."""

import shlex
from collections.abc import Sequence
from typing import Any

from orthoui.data import class_words
from orthoui.errors import RequestError
from orthoui.models.card import ModelCard
from orthoui.models.ensemble import members_in
from orthoui.training.recipe import Recipe, recipes
from orthoui.wording import parse

FIRST = ("width", "orthogonality", "forgets", "seed")
"""Fields that a command names first."""


def shipped_name(dataset: str, architecture: str) -> str | None:
    """Return the name of the shipped recipe for a data set and architecture; None where there is none."""
    name = f"{dataset}-{architecture}"
    return name if name in recipes() else None


def usual_recipe(dataset: str, architecture: str) -> Recipe:
    """Return what a training begins from: the shipped recipe of this data set and architecture, or the defaults."""
    name = shipped_name(dataset, architecture)
    return recipes()[name] if name else Recipe(dataset=dataset, architecture=architecture)


def recipe_of(card: ModelCard) -> Recipe:
    """Return the recipe of a model as its card tells it; the usual one where nobody knows how it was trained."""
    own = {"width": card.width, "orthogonality": card.orthogonality, "seed": card.seed, "forgets": card.forgets}
    told = {name: card.recipe[name] for name in Recipe.model_fields if name in card.recipe}
    architecture = told.get("architecture", card.architecture)
    known = card.origin == "trained" and told  # what an older card leaves out was then as the defaults are
    base = (
        Recipe(dataset=card.dataset, architecture=architecture) if known else usual_recipe(card.dataset, architecture)
    )
    try:
        return parse(Recipe, {**base.model_dump(), **told, **own})
    except RequestError:  # a file made elsewhere may tell what no recipe can hold
        return usual_recipe(card.dataset, architecture)


def command_like(card: ModelCard, *options: str, forgets: tuple[int, ...] | None = None) -> str:
    """Return the command that trains a model like this one, without the classes ``forgets`` if they are given."""
    several = members_in(card.architecture)
    scheme = [] if several is None else ["--scheme sisa", f"--shards {several[0]}"]
    recipe = recipe_of(card)
    without = recipe if forgets is None else recipe.model_copy(update={"forgets": forgets})
    return command_of(without, *scheme, *options, classes=card.classes)


def command_of(recipe: Recipe, *options: str, classes: Sequence[str] = ()) -> str:
    """Return the command that trains by a recipe, with further ``options``.

    ``classes`` are the names of the data set's classes, where they are known: those of some look like numbers.
    """
    usual = usual_recipe(recipe.dataset, recipe.architecture)
    shipped = shipped_name(recipe.dataset, recipe.architecture)
    words = f"--recipe {shipped}" if shipped else _named(recipe)
    fields = [
        name for name in dict.fromkeys((*FIRST, *Recipe.model_fields)) if name not in ("dataset", "architecture")
    ]
    said = [_option(name, getattr(recipe, name), classes) for name in fields if _is_said(name, recipe, usual)]
    return " ".join(["orthoui train", words, *said, *options])


def _named(recipe: Recipe) -> str:
    return f"--dataset {shlex.quote(recipe.dataset)} --architecture {shlex.quote(recipe.architecture)}"


def _is_said(name: str, recipe: Recipe, usual: Recipe) -> bool:
    """Whether a command must say a field.

    λ is always said, for it is what the networks differ in; so is the batch size where no shipped recipe has it,
    for it would follow from the number of images.
    """
    if name == "batch_size" and shipped_name(recipe.dataset, recipe.architecture) is None:
        return True
    return getattr(recipe, name) != getattr(usual, name) or (name == "orthogonality" and recipe.orthogonality > 0)


def _option(name: str, value: Any, classes: Sequence[str]) -> str:
    flag = name.replace("_", "-")
    if name == "forgets":
        return f"--forget {shlex.quote(class_words(classes, value))}"
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {shlex.quote(f'{value:g}' if isinstance(value, float) else str(value))}"
