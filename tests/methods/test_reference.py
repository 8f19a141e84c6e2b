"""The recipe of what forgetting is compared with: the model's own, or one that stands in for it and says so."""

import pytest

from orthoui.methods.reference import reference_recipe
from orthoui.methods.standing_in import standing_in
from orthoui.training.recipe import Recipe
from tests.tiny import tiny_card

RECIPE = Recipe(dataset="tiny", width=4, orthogonality=0.001, penalty="srip", epochs=3, seed=0)


def test_a_reference_is_trained_as_its_model_was_but_for_the_classes() -> None:
    card = tiny_card(recipe=RECIPE.model_dump())
    assert reference_recipe(card, (1, 2)) == (RECIPE.model_copy(update={"forgets": (1, 2)}), "")


def test_where_the_training_is_unknown_another_recipe_stands_in_and_says_so() -> None:
    card = tiny_card(origin="imported", dataset="cifar10", orthogonality=0.0)
    found = reference_recipe(card, (1,))
    assert found is not None
    recipe, note = found
    usual, sentence = standing_in(card)
    assert (recipe, note) == (usual.model_copy(update={"forgets": (1,)}), sentence)
    assert "cifar10-resnet18 stands in for it" in note


@pytest.mark.parametrize(
    "card",
    [{"forgets": (1,)}, {"architecture": "mean-of-3:resnet18"}, {"resized": True}, {"classes": ("north", "east")}],
)
def test_what_training_by_a_recipe_cannot_give_is_not_offered(card: dict[str, object]) -> None:
    assert reference_recipe(tiny_card(**card), (0,)) is None
