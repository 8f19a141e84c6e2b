from pathlib import Path

import pytest

from orthoui.models.zoo import Zoo, zoo
from orthoui.paper.finding import class_names, find_models, missing_words, training_command
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


@pytest.mark.parametrize(
    ("setting", "kind", "command"),
    [
        (Setting(), "plain", "orthoui train --recipe cifar10-resnet18"),
        (Setting(width=32), "orthogonal", "orthoui train --recipe cifar10-resnet18 --width 32 --orthogonality 0.01"),
        (
            Setting(dataset="my cats", architecture="vgg16"),
            "retrained",
            "orthoui train --dataset 'my cats' --architecture vgg16 --width 64 --orthogonality 0.01 --forget 1",
        ),
    ],
)
def test_what_to_train_is_said(setting: Setting, kind: Kind, command: str) -> None:
    assert training_command(setting, kind) == command
    assert f"Train one with “{command}”." in missing_words(setting, kind)


def test_class_names_come_from_a_card_or_from_what_is_known(models: Zoo) -> None:
    assert class_names(models, "tiny") == CLASSES
    assert class_names(models, "cifar10")[1] == "automobile"
    assert class_names(models, "unheard of") == ()
