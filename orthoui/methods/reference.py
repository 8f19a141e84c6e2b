"""How to train what forgetting is compared with: the same network, never shown the classes."""

from collections.abc import Sequence

from orthoui.methods.standing_in import standing_in
from orthoui.models.card import ModelCard
from orthoui.models.ensemble import members_in
from orthoui.training.command import recipe_of
from orthoui.training.recipe import Recipe

FEWEST_LEFT = 2
"""Classes that a network must have left to learn; see ``check_left_out``."""


def reference_recipe(card: ModelCard, classes: Sequence[int]) -> tuple[Recipe, str] | None:
    """Return the recipe of a model's reference without ``classes``, and what has to be known of it, often nothing.

    It is the model's own recipe; where nobody knows that, a usual one, and a sentence says so. None where training by
    a recipe gives no reference: for one that is a reference itself, for a mean of several networks, for a network
    that takes resized images, and where too few classes would be left.
    """
    if card.forgets or card.resized or members_in(card.architecture) is not None:
        return None
    if len(card.classes) - len(classes) < FEWEST_LEFT:
        return None
    known = card.origin == "trained" and card.recipe
    note = "" if known else standing_in(card)[1]
    return recipe_of(card).model_copy(update={"forgets": tuple(classes)}), note
