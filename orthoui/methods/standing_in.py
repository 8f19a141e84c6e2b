"""A recipe for a model whose training is unknown, as that of every imported one is."""

from orthoui.models.card import ModelCard
from orthoui.training.command import shipped_name, usual_recipe
from orthoui.training.recipe import Recipe


def standing_in(card: ModelCard) -> tuple[Recipe, str]:
    """Return a recipe to use in place of the unknown one, and a sentence for people that says so.

    It is the shipped one for the data set and architecture at the model's width, else the usual values.
    """
    shipped = shipped_name(card.dataset, card.architecture)
    name = f"the shipped recipe {shipped}" if shipped else "OrthoUI's usual recipe"
    recipe = usual_recipe(card.dataset, card.architecture).model_copy(update={"width": card.width})
    mirrored = "mirrored" if recipe.flip else "not mirrored"
    blanked = f" Retraining also blanks a square of {recipe.cutout} pixels in each." if recipe.cutout else ""
    return recipe, (
        f"How this network was trained is not known; {name} stands in for it: training images are shifted by up to "
        f"{recipe.crop_padding} pixels and {mirrored}.{blanked}"
    )
