"""Before a training is asked for: whether it can be, under which name, and how long it will take."""

from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel, ConfigDict, ValidationError

from orthoui.errors import RequestError
from orthoui.jobs.train import TrainRequest
from orthoui.ledger import ACTIVE, Ledger, RunFilter
from orthoui.models.architectures import ARCHITECTURES
from orthoui.models.timm_networks import is_timm
from orthoui.models.zoo import zoo
from orthoui.training.recipe import Recipe, check_left_out
from orthoui.training.state import epochs_kept
from orthoui.training.train import model_name

KIND = "train"
LOOKED_AT = 50
WORK = ("width", "batch_size", "muon", "penalty", "small_crop", "small_share")
"""Fields of a recipe that decide the work of an epoch, besides data and architecture."""
RECIPE = Recipe()
LONGEST_SUFFIX = 1000


class Estimate(BaseModel):
    """Seconds that a training will take, from so many earlier ones; ``rough`` where those were of another width."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    runs: int
    rough: bool


def checked(request: TrainRequest, classes: Sequence[str], book: Ledger, *, anew: bool = False) -> None:
    """Refuse in words what training would stumble over. Raises ``RequestError``.

    ``classes`` are those of the data set, empty while they are not known: what is left out is then looked at by the
    training itself, once it has read the images. ``anew``: that an interrupted training of the same name is given
    up was said by the person; see ``interrupted``.
    """
    recipe = request.recipe
    if not is_timm(recipe.architecture):
        _ = ARCHITECTURES[recipe.architecture]
    if classes:
        check_left_out(recipe, classes)
    if request.model in (entry.name for entry in zoo().entries()):
        raise RequestError(f"There is already a model “{request.model}”. Choose another name.")
    if request.model in _under_way(book):
        raise RequestError(
            f"A model “{request.model}” is being trained already. Wait until it is done, or choose another name."
        )
    sentence = interrupted(request)
    if sentence is not None and not anew:
        raise RequestError(sentence)


def interrupted(request: TrainRequest) -> str | None:
    """Say what a request would destroy: an interrupted training of its name; None where there is none.

    A request that goes on from there destroys nothing either.
    """
    if not request.restart or not request.state.exists():
        return None
    epochs = epochs_kept(request.state)
    when = {None: "", 0: " in its first epoch", 1: " after one epoch"}.get(epochs, f" after {epochs or 0:,} epochs")
    return (
        f"A training of “{request.model}” was interrupted{when}. “Try again” on Jobs goes on with it. Choose another "
        "name, or tick “Start anew” to give up what it has learned."
    )


def free_name(recipe: Recipe, book: Ledger) -> str:
    """Return the name a model gets when a person gives none: made from the recipe, numbered where it is taken.

    Taken is also what a cancelled training left behind, from which it can still go on.
    """
    base = model_name(recipe)
    taken = {entry.name for entry in zoo().entries()} | _under_way(book)
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, LONGEST_SUFFIX))
    return next((name for name in names if name not in taken and not _left_behind(recipe, name)), base)


def estimate(recipe: Recipe, book: Ledger) -> Estimate | None:
    """Return how long a training will take, from those of the same data and architecture; None without any.

    Those of the same width count by their time per epoch; without one, it is what such trainings typically took,
    but for a restricted gradient, which takes several times as long.
    """
    same = RunFilter(kind=(KIND,), state=("done",), dataset=recipe.dataset, architecture=recipe.architecture)
    per_epoch, restricted = [], recipe.gradient_restriction > 0
    for run in book.find(same, sort="-finished", limit=LOOKED_AT):
        asked = run.request.get("recipe", {})
        same_work = all(asked.get(name, getattr(RECIPE, name)) == getattr(recipe, name) for name in WORK)
        same_work &= bool(asked.get("gradient_restriction")) == restricted  # how much of it makes no difference
        if same_work and asked.get("epochs") and run.timings.get("optimisation"):
            per_epoch.append(run.timings["optimisation"] / asked["epochs"])
    if per_epoch:
        return Estimate(seconds=median(per_epoch) * recipe.epochs, runs=len(per_epoch), rough=False)
    typical = book.typical_times().get((KIND, None, recipe.dataset, recipe.architecture))
    return None if typical is None or restricted else Estimate(seconds=typical.seconds, runs=typical.runs, rough=True)


def _left_behind(recipe: Recipe, name: str) -> bool:
    try:
        return TrainRequest(recipe=recipe, name=name).state.exists()
    except ValidationError:  # no name at all; that is said when the training is asked for
        return False


def _under_way(book: Ledger) -> set[str]:
    chosen = RunFilter(kind=(KIND,), state=(*ACTIVE, "paused"))
    return {run.model for run in book.find(chosen) if run.model and not run.ended}
