"""A recipe for a model whose training is unknown, as that of every imported one is."""

from orthoui.models.card import ModelCard
from orthoui.training.recipe import Recipe, recipes


def standing_in(card: ModelCard) -> tuple[Recipe, str]:
    """Return a recipe to use in place of the unknown one, and a sentence for people that says so.

    It is the shipped one for the data set and architecture at the model's width, else the usual values.
    """
    own = {"dataset": card.dataset, "architecture": card.architecture, "width": card.width}
    name, recipe = next(
        ((f"the shipped recipe {name}", recipe) for name, recipe in recipes().items() if _fits(recipe, card)),
        ("OrthoUI's usual recipe", Recipe()),
    )
    recipe = recipe.model_copy(update=own)
    mirrored = "mirrored" if recipe.flip else "not mirrored"
    blanked = f" Retraining also blanks a square of {recipe.cutout} pixels in each." if recipe.cutout else ""
    return recipe, (
        f"How this network was trained is not known; {name} stands in for it: training images are shifted by up to "
        f"{recipe.crop_padding} pixels and {mirrored}.{blanked}"
    )


def _fits(recipe: Recipe, card: ModelCard) -> bool:
    return (recipe.dataset, recipe.architecture) == (card.dataset, card.architecture)
