"""The shipped recipes: one for every setting that the paper prints, and each one learns."""

from dataclasses import replace

import pytest
import torch

from orthoui.data import Dataset
from orthoui.models.architectures import PAPER_WIDTH
from orthoui.paper.setting import paper_settings
from orthoui.training.loop import Training
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe, recipes
from orthoui.training.state import Epoch
from orthoui.training.watching import StateFile
from tests.tiny import MEAN, STD

pytestmark = pytest.mark.usefixtures("float32")


def test_every_setting_of_the_paper_has_a_recipe_of_its_width() -> None:
    printed = {f"{setting.dataset}-{setting.architecture}" for setting in paper_settings()}
    assert {name for name, recipe in recipes().items() if recipe.width == PAPER_WIDTH} == printed


@pytest.mark.parametrize(("name", "recipe"), recipes().items(), ids=recipes())
def test_a_recipe_is_named_after_what_it_trains_and_learns(name: str, recipe: Recipe, data: Dataset) -> None:
    assert name == f"{recipe.dataset}-{recipe.architecture}"
    assert recipe.orthogonality == 0, "both networks of a pair come from one recipe"
    small = {"dataset": "tiny", "width": 4, "batch_size": 20, "epochs": 6, "crop_padding": 0, "cutout": 2}
    epochs: list[Epoch] = []
    padded = replace(data, padding=8)  # VGG halves them five times
    training = Training(padded, recipe.model_copy(update=small), (MEAN, STD), make_fabric(torch.device("cpu")))
    training.run(StateFile(on_epoch=epochs.append))
    assert epochs[-1].loss < epochs[0].loss
