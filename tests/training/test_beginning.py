"""What a training begins from: the shipped recipe, or batches small enough for some steps an epoch."""

import pytest

from orthoui.training.beginning import FEWEST_STEPS, beginning, few_steps, fitting_batch, moved, steps_in_all
from orthoui.training.recipe import Recipe, recipes


@pytest.mark.parametrize("images", range(10, 4000, 37))
def test_a_small_set_gets_some_steps_an_epoch_from_batches_that_are_not_tiny(images: int) -> None:
    batch = fitting_batch(images, 128)
    assert batch in (8, 16, 32, 64, 128)
    assert batch == 8 or images // batch >= FEWEST_STEPS
    assert batch == 128 or images // (2 * batch) < FEWEST_STEPS


def test_a_set_of_ones_own_begins_from_the_usual_values_with_a_fitting_batch() -> None:
    assert beginning("flowers", "resnet18", 60) == Recipe(dataset="flowers", batch_size=8)
    assert beginning("flowers", "resnet18", 50_000) == beginning("flowers", "resnet18", None)
    assert beginning("flowers", "resnet18", None) == Recipe(dataset="flowers")


@pytest.mark.parametrize("recipe", recipes().values())
def test_a_shipped_recipe_stays_as_it_is_however_many_images_there_are(recipe: Recipe) -> None:
    assert beginning(recipe.dataset, recipe.architecture, 60) == recipe


def test_what_a_person_set_stays_and_the_rest_follows_the_other_images() -> None:
    set_here = Recipe(epochs=3, orthogonality=0.01, forgets=(2,))
    other = moved(set_here, Recipe(), recipes()["cifar10-resnet18"])
    expected = {"epochs": 3, "orthogonality": 0.01, "forgets": (2,)}
    assert other == recipes()["cifar10-resnet18"].model_copy(update=expected)


def test_so_few_steps_that_nothing_is_learned_are_said() -> None:
    recipe = Recipe(dataset="flowers", epochs=3)
    assert steps_in_all(recipe, 60) == 3
    assert (few_steps(3) or "").startswith(
        "3 steps in all: so few hardly teach a network anything. Choose more epochs"
    )
    assert (few_steps(1) or "").startswith("One step in all")
    assert few_steps(100) is None
