"""Models whose training is unknown or unusual: every method that is offered for one runs on it to the end."""

from collections.abc import Callable

import pytest

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.methods import METHODS, unlearn
from orthoui.methods.standing_in import standing_in
from orthoui.models.trained import TrainedModel
from orthoui.training.recipe import Recipe, recipe_named
from tests.methods.working import quick, work_of
from tests.tiny import as_model, tiny_card

NAMES = sorted(METHODS)
UNKNOWN = {"origin": "imported", "recipe": {"imported_from": "best.pth", "sha256": "ab"}}
HEADED = {"boundary-expand", "cf-k", "discriminative-adversarial", "eu-k", "fisher-forgetting"}


def imported(model: TrainedModel, **card: object) -> TrainedModel:
    """The model as ``orthoui models import`` leaves it."""
    return as_model(model.network, model.card.model_copy(update={**UNKNOWN, **card}))


def runs_or_says_why_not(name: str, model: TrainedModel, data: Dataset) -> str | None:
    obstacle = METHODS[name].obstacle(model)
    if obstacle is None:
        network = unlearn(METHODS[name], model, data, quick(METHODS[name])).network
        assert network(model.prepare(data["test"].images[:3])).shape == (3, 4)
    else:
        with pytest.raises(RequestError) as refused:
            unlearn(METHODS[name], model, data, quick(METHODS[name]))
        assert str(refused.value) == obstacle
    return obstacle


@pytest.mark.parametrize("name", NAMES)
def test_every_method_offered_for_an_imported_model_runs(model: TrainedModel, data: Dataset, name: str) -> None:
    obstacle = runs_or_says_why_not(name, imported(model), data)
    assert (obstacle is not None) == ("preparation" in METHODS[name].needs)


@pytest.mark.parametrize("name", NAMES)
def test_every_method_offered_for_the_mean_of_several_networks_runs(
    prepared: Callable[[str], TrainedModel], data: Dataset, name: str
) -> None:
    obstacle = runs_or_says_why_not(name, prepared("sisa"), data)
    assert (obstacle is not None) == (name in HEADED | {"amnesiac"})
    if name in HEADED:
        assert obstacle is not None and obstacle.startswith(f"{METHODS[name].title} acts on the linear layer")
        assert "sisa is the mean of 2 networks, each with one of its own. Choose another method" in obstacle


def test_a_note_says_that_the_recipe_is_not_the_models_own(model: TrainedModel, data: Dataset) -> None:
    method = METHODS["fine-tune"]
    notes = unlearn(method, imported(model), data, quick(method)).notes
    assert notes == (
        "How this network was trained is not known; OrthoUI's usual recipe stands in for it: training images are "
        "shifted by up to 2 pixels and mirrored.",
    )
    known = as_model(model.network, model.card.model_copy(update={"recipe": {"dataset": "tiny", "width": 4}}))
    assert unlearn(method, known, data, quick(method)).notes == ()
    untouched = METHODS["ssd"]  # reads no augmented image, so that the recipe does not matter
    assert not any("not known" in note for note in unlearn(untouched, imported(model), data, quick(untouched)).notes)


def test_the_shipped_recipe_of_data_set_and_architecture_stands_in_at_the_models_width() -> None:
    recipe, note = standing_in(tiny_card(dataset="cifar10", **UNKNOWN))
    assert recipe == recipe_named("cifar10-resnet18").model_copy(update={"width": 4})
    assert "the shipped recipe cifar10-resnet18 stands in for it: training images are shifted by up to 4" in note
    assert note.endswith(" and mirrored. Retraining also blanks a square of 8 pixels in each.")
    _, note = standing_in(tiny_card(dataset="cifar100", **UNKNOWN))
    assert note.endswith(" and mirrored. Retraining also blanks a square of 6 pixels in each.")
    _, note = standing_in(tiny_card(dataset="fashion-mnist", **UNKNOWN))
    assert "fashion-mnist-resnet18 stands in for it" in note and "blanks" not in note
    recipe, note = standing_in(tiny_card(dataset="cifar10", architecture="vgg16", **UNKNOWN))
    assert recipe == Recipe(dataset="cifar10", architecture="vgg16", width=4) and "usual recipe" in note


def test_a_model_of_unknown_training_is_retrained_in_its_own_architecture(model: TrainedModel, data: Dataset) -> None:
    vgg = tiny_card(architecture="vgg16_bn", **UNKNOWN)
    recipe = work_of(imported(model, architecture=vgg.architecture), data, quick(METHODS["retrain"])).recipe
    assert (recipe.architecture, recipe.width, recipe.dataset) == ("vgg16_bn", 4, "tiny")


def test_retraining_is_refused_where_images_are_resized(model: TrainedModel, data: Dataset) -> None:
    words = runs_or_says_why_not("retrain", imported(model, input_size=32, resized=True), data)
    assert words is not None and "takes images resized to 32×32 pixels" in words and "Choose another method" in words


def test_retraining_a_mean_says_that_it_is_one_network(
    prepared: Callable[[str], TrainedModel], data: Dataset
) -> None:
    notes = unlearn(METHODS["retrain"], prepared("sisa"), data, quick(METHODS["retrain"])).notes
    assert notes == ("This is a single network, trained on all retained images; sisa is a mean.",)
