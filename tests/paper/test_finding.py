from pathlib import Path

import pytest

from orthoui.models.zoo import Zoo, zoo
from orthoui.paper.finding import class_names, find_models, look_up, missing_words, training_command, unlike_words
from orthoui.paper.schema import Kind
from orthoui.paper.setting import EMBEDDED, Setting
from tests.paper.conftest import SETTING, add_model
from tests.tiny import CLASSES


def names(kind: Kind, setting: Setting = SETTING, most: int | None = None) -> list[str]:
    return [entry.name for entry in find_models(zoo(), setting, kind, most)]


def test_the_embedded_models_are_found() -> None:
    assert names("plain", EMBEDDED) == ["fashion-mnist-resnet18-w16-plain"]
    assert names("orthogonal", EMBEDDED) == ["fashion-mnist-resnet18-w16-orthogonal"]
    assert names("retrained", EMBEDDED) == ["fashion-mnist-resnet18-w16-orthogonal-without-1"]


def test_models_are_found_by_their_cards(models: Zoo, tiny_data: Path) -> None:
    add_model(tiny_data, "wider", orthogonality=0.0, dataset="other")
    add_model(tiny_data, "from-elsewhere", orthogonality=0.0, origin="imported")
    add_model(tiny_data, "without", orthogonality=0.01, forgets=(1,))
    add_model(tiny_data, "without-2", orthogonality=0.01, forgets=(2,))
    assert names("plain") == ["tiny-plain"]
    assert names("orthogonal") == ["tiny-orthogonal"]
    assert names("retrained") == ["without"]
    assert names("retrained", SETTING.model_copy(update={"forget_class": 2})) == ["without-2"]


def test_one_model_for_every_training_seed(tiny_data: Path) -> None:
    for seed in (2, 0, 1):
        add_model(tiny_data, f"m{seed}", seed=seed, orthogonality=0.01)
    add_model(tiny_data, "a-copy", seed=1, orthogonality=0.01)
    add_model(tiny_data, "tiny-resnet18-w4-orthogonal-seed2", seed=2, orthogonality=0.01)
    add_model(tiny_data, "weaker", seed=3, orthogonality=0.001)
    assert names("orthogonal") == ["m0", "a-copy", "tiny-resnet18-w4-orthogonal-seed2"]
    assert names("orthogonal", most=2) == ["m0", "a-copy"]
    assert names("orthogonal", SETTING.model_copy(update={"orthogonality": 0.001})) == ["weaker"]


@pytest.mark.parametrize("other", [{"epochs": 1}, {"muon": 0.02}, {"penalty": "srip"}, {"ortho_layers": "no_stem"}])
def test_several_trainings_are_alike(tiny_data: Path, other: dict[str, object]) -> None:
    usual: dict[str, object] = {"epochs": 18, "muon": 0.0, "penalty": "gram", "ortho_layers": "all"}
    for seed, recipe in enumerate((usual, usual | other, usual)):
        add_model(tiny_data, f"m{seed}", seed=seed, orthogonality=0.01, recipe={**recipe, "seed": seed})
    add_model(tiny_data, "plain", seed=1, orthogonality=0.0, recipe=usual | other)
    add_model(tiny_data, "without", seed=1, orthogonality=0.01, forgets=(1,), recipe={**usual, "forgets": [1]})
    assert (names("orthogonal"), names("plain"), names("retrained")) == (["m0", "m2"], ["plain"], ["without"])


RECIPE: dict[str, object] = {"epochs": 12, "muon": 0.05, "penalty": "gram", "flip": True}


def test_plain_and_retrained_networks_have_the_recipe_of_the_orthogonal_one(tiny_data: Path) -> None:
    short = {**RECIPE, "epochs": 1}
    add_model(tiny_data, "orthogonal", orthogonality=0.01, recipe=RECIPE)
    add_model(tiny_data, "a-plain-short", orthogonality=0.0, recipe=short)
    add_model(tiny_data, "a-without-short", orthogonality=0.01, forgets=(1,), recipe={**short, "forgets": [1]})
    add_model(tiny_data, "a-without-weak", orthogonality=0.0001, forgets=(1,), recipe={**RECIPE, "forgets": [1]})
    add_model(tiny_data, "without", orthogonality=0.01, forgets=(1,), recipe={**RECIPE, "forgets": [1], "seed": 5})
    add_model(tiny_data, "plain", orthogonality=0.0, recipe={**RECIPE, "penalty": "srip"})
    add_model(tiny_data, "plain-1", seed=1, orthogonality=0.0, recipe={**RECIPE, "seed": 1})
    assert (names("plain"), names("retrained")) == (["plain", "plain-1"], ["without"])
    found = look_up(zoo(), SETTING, "plain")
    assert found.unlike == {"plain": "", "plain-1": "", "a-plain-short": "epochs 1 in place of 12"}
    assert look_up(zoo(), SETTING, "retrained").unlike["a-without-weak"] == "λ 0.0001 in place of 0.01"


def test_where_there_is_no_such_network_another_is_taken_and_the_difference_told(tiny_data: Path) -> None:
    """As the page Forget does, which takes any reference and says how it differs."""
    add_model(tiny_data, "orthogonal", orthogonality=0.02, recipe={**RECIPE, "flip": False, "batch_size": 64})
    add_model(tiny_data, "plain", orthogonality=0.0, recipe={**RECIPE, "epochs": 1}, images_digest="others")
    add_model(tiny_data, "plain-1", seed=1, orthogonality=0.0, recipe=RECIPE)
    assert names("plain") == ["plain"]
    found = look_up(zoo(), SETTING, "plain")
    difference = "epochs 1 in place of 12, flip on in place of off, other training images"
    assert found.unlike["plain"] == difference
    command = "orthoui train --dataset tiny --architecture resnet18 --width 4"
    like = "--epochs 12 --batch-size 64 --muon 0.05 --no-flip"
    assert unlike_words(SETTING, "plain", difference, found.lead) == (
        f"This network was trained otherwise than the orthogonal one ({difference}). Train one that compares with "
        f"“{command} {like}”."
    )
    assert f"“{command} --orthogonality 0.02 --forget 1 {like}”" in missing_words(SETTING, "retrained", found.lead)


@pytest.mark.parametrize("setting", [EMBEDDED, Setting()])
def test_the_shipped_networks_compare(setting: Setting) -> None:
    kinds: tuple[Kind, ...] = ("plain", "retrained")
    for kind in kinds:
        found = look_up(zoo(), setting, kind)
        assert all(not words for words in found.unlike.values()), found.unlike
        assert found.models or (setting, kind) == (Setting(), "retrained")


@pytest.mark.parametrize(
    ("setting", "kind", "command"),
    [
        (Setting(), "plain", "orthoui train --recipe cifar10-resnet18"),
        (Setting(width=32), "orthogonal", "orthoui train --recipe cifar10-resnet18 --width 32 --orthogonality 0.01"),
        (
            Setting(dataset="my cats", architecture="vgg16"),
            "retrained",
            "orthoui train --dataset 'my cats' --architecture vgg16 --width 64 --orthogonality 0.01 --forget 1 "
            "--batch-size 128",
        ),
    ],
)
def test_what_to_train_is_said(setting: Setting, kind: Kind, command: str) -> None:
    assert training_command(setting, kind) == command
    assert f"Train one with “{command}”." in missing_words(setting, kind)


def test_what_to_train_names_a_class_whose_name_looks_like_a_number() -> None:
    setting = Setting(dataset="pets", forget_class=0)
    assert "--forget 1" in missing_words(setting, "retrained", classes=("1", "2", "3"))
    assert "--forget 0" in missing_words(setting, "retrained", classes=("a", "b", "c"))


def test_class_names_come_from_a_card_or_from_what_is_known(models: Zoo) -> None:
    assert class_names(models, "tiny") == CLASSES
    assert class_names(models, "cifar10")[1] == "automobile"
    assert class_names(models, "unheard of") == ()
