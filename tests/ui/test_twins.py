"""The button “Same sliders, plain network” leads to a network that was trained alike, or says how it was not."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from orthoui.models.checkpoints import save_checkpoint
from orthoui.ui.model_bar import twin_of
from tests.tiny import random_network, tiny_card

RECIPE = {"epochs": 18, "muon": 0.0, "penalty": "gram", "ortho_layers": "all"}


@pytest.fixture(autouse=True)
def here(home: Path) -> Path:
    """The folder of one's own models, with one orthogonal network in it."""
    put(home, "orthogonal", orthogonality=0.01)
    return home


def put(home: Path, name: str, recipe: dict[str, object] | None = None, **card: object) -> None:
    (home / "models").mkdir(parents=True, exist_ok=True)
    told = tiny_card(recipe=RECIPE | (recipe or {}), **card)
    save_checkpoint(home / "models" / f"{name}.safetensors", random_network(), told)


def test_imported_models_are_no_twins_on_either_side(here: Path) -> None:
    put(here, "imported", orthogonality=0.0, origin="imported")
    assert twin_of("orthogonal") is None and twin_of("imported") is None


def test_one_that_differs_in_the_penalty_alone_is_preferred(here: Path) -> None:
    put(here, "a-short", orthogonality=0.0, recipe={"epochs": 2})
    put(here, "b-alike", orthogonality=0.0, recipe={"penalty": "srip", "ortho_layers": "no_stem"})
    assert twin_of("orthogonal") == ("b-alike", "")
    assert twin_of("b-alike") == ("orthogonal", "")


def test_the_nearest_is_offered_and_how_it_differs_is_said(here: Path) -> None:
    put(here, "a-far", orthogonality=0.0, recipe={"epochs": 2, "muon": 0.05})
    put(here, "b-near", orthogonality=0.0, recipe={"epochs": 2})
    assert twin_of("orthogonal") == ("b-near", "It was also trained otherwise: epochs 2 in place of 18.")


def chooser() -> None:
    """Draw the choice of the model alone, as a page of its own."""
    from orthoui.ui import session
    from orthoui.ui.model_bar import model_bar

    session.open_session()
    model_bar()


def test_the_button_and_a_caption_beside_it_say_how_else_it_was_trained(here: Path) -> None:
    put(here, "plain", orthogonality=0.0, recipe={"epochs": 2})
    app = AppTest.from_function(chooser, default_timeout=120)
    app.query_params["model"] = "orthogonal"
    app.run()
    assert not app.exception
    said = "It was also trained otherwise: epochs 2 in place of 18."
    assert [caption.value for caption in app.caption] == [said]
    assert app.button(key="twin").label == "Same sliders, plain network"
    assert app.button(key="twin").help.endswith(f"orthogonality penalty. {said}")


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"images_digest": "others"}, {"dataset": "others"}, {"forgets": (1,)}]
)
def test_of_other_data_or_another_seed_there_is_no_twin(here: Path, other: dict[str, object]) -> None:
    put(here, "plain", **{"orthogonality": 0.0, **other})
    assert twin_of("orthogonal") is None
