"""Choosing other images or another architecture: the settings that nobody touched follow the choice."""

from orthoui.jobs.planning import estimate
from orthoui.ledger import ledger
from orthoui.training.beginning import beginning, moved
from orthoui.training.recipe import Recipe
from orthoui.ui import session
from orthoui.ui.train.datasets import training_images
from orthoui.wording import parse

SOON = 3600.0
"""Seconds that a training may take whose width nobody chose."""
NARROW = Recipe().width
"""Width that is taken where a shipped recipe's own takes longer, or nobody knows how long."""


def choose(**place: str) -> None:
    """Change the data set or the architecture, and with it the settings that were left as they were."""
    with session.reported():
        recipe = session.view().recipe
        other = parse(Recipe, {**recipe.model_dump(), **place})
        changed = moved(recipe, _beginning(recipe), _beginning(other))
        if changed.width > NARROW and changed.width != recipe.width and not _soon(changed):
            changed = changed.model_copy(update={"width": NARROW})
        session.change_recipe(**changed.model_dump())


def _beginning(recipe: Recipe) -> Recipe:
    return beginning(recipe.dataset, recipe.architecture, training_images(recipe.dataset))


def _soon(recipe: Recipe) -> bool:
    """Whether earlier trainings of this very kind tell that it takes an hour at most."""
    expected = estimate(recipe, ledger())
    return expected is not None and not expected.rough and expected.seconds <= SOON
