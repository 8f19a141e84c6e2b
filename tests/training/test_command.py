"""The command that trains by a recipe: it says all that the shipped recipe does not, and nothing else."""

import shlex

import pytest
import torch

from orthoui.data import class_indices, class_words
from orthoui.models.card import ModelCard
from orthoui.models.kinship import difference
from orthoui.models.zoo import Zoo
from orthoui.settings import assets_folder
from orthoui.training.command import command_like, command_of, recipe_of
from orthoui.training.recipe import Recipe, recipe_named
from orthoui.wording import parse

SHIPPED = {
    entry.name: entry.card for entry in Zoo([assets_folder() / "models"], torch.device("cpu")).entries() if entry.card
}


def read(command: str) -> Recipe:
    """What the command line makes of a command with a recipe, numbers and choices only."""
    words = shlex.split(command)
    assert words[:3] == ["orthoui", "train", "--recipe"]
    given = dict(zip(words[4::2], words[5::2], strict=True))
    fields = {name.removeprefix("--").replace("-", "_"): value for name, value in given.items()}
    if "forget" in fields:
        fields["forgets"] = tuple(map(int, fields.pop("forget").split(",")))  # type: ignore[assignment]
    return parse(Recipe, {**recipe_named(words[3]).model_dump(), **fields})


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_models_command_trains_as_it_was_trained(name: str) -> None:
    card = SHIPPED[name]
    recipe = read(command_of(recipe_of(card)))
    assert difference(card.model_copy(update={"recipe": recipe.model_dump()}), card) == ""
    assert (recipe.orthogonality, recipe.seed, recipe.forgets) == (card.orthogonality, card.seed, card.forgets)


def test_what_departs_from_the_recipe_is_said_and_options_are_added() -> None:
    recipe = recipe_named("cifar10-resnet18").model_copy(update={"forgets": (1,), "flip": False, "epochs": 3})
    assert command_of(recipe, "--scheme sisa") == (
        "orthoui train --recipe cifar10-resnet18 --forget 1 --epochs 3 --no-flip --scheme sisa"
    )


def test_of_an_imported_model_the_card_tells_its_kind_only() -> None:
    card = SHIPPED["fashion-mnist-resnet18-w16-plain"]
    imported: ModelCard = card.model_copy(update={"recipe": {}, "origin": "imported", "dataset": "pets", "width": 8})
    assert command_of(recipe_of(imported)) == (
        "orthoui train --dataset pets --architecture resnet18 --width 8 --batch-size 128"
    )


def test_one_of_several_networks_is_trained_with_their_scheme() -> None:
    card = SHIPPED["fashion-mnist-resnet18-w16-plain"].model_copy(update={"architecture": "mean-of-3:resnet18"})
    assert command_like(card, forgets=(7,)).endswith("--forget 7 --scheme sisa --shards 3")


def test_classes_whose_names_look_like_numbers_are_said_by_name() -> None:
    names = ("1", "2", "two words", "4")
    card = SHIPPED["fashion-mnist-resnet18-w16-plain"].model_copy(update={"classes": names})
    words = shlex.split(command_like(card, forgets=(0, 2)))
    asked = words[words.index("--forget") + 1]
    assert asked == "1,two words" and class_indices(names, asked.split(",")) == (0, 2)
    assert command_of(recipe_of(card).model_copy(update={"forgets": (1,)})).endswith("--forget 1")


def test_a_class_with_a_comma_in_its_name_keeps_its_number() -> None:
    assert class_words(("7", "a,b"), (0, 1)) == "7,1"


def test_what_an_older_card_leaves_out_was_then_as_the_defaults_are() -> None:
    card = SHIPPED["cifar10-resnet18-w64-plain"].model_copy(update={"dataset": "cifar100"})
    told = {name: value for name, value in card.recipe.items() if name not in ("dataset", "alternate", "cutout")}
    recipe = read(command_of(recipe_of(card.model_copy(update={"recipe": told}))).replace("--no-alternate", ""))
    assert recipe_named("cifar100-resnet18").cutout == 6 and recipe.cutout == 0


def test_what_no_recipe_can_hold_gives_the_usual_one() -> None:
    card = SHIPPED["fashion-mnist-resnet18-w16-plain"].model_copy(update={"orthogonality": 5.0})
    assert recipe_of(card) == recipe_named("fashion-mnist-resnet18")
