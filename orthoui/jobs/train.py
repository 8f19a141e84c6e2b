"""Training as a job: the same on a worker, started from a page, and on the command line."""

from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, field_validator

from orthoui.data import dataset_title
from orthoui.errors import RequestError
from orthoui.jobs.context import Context
from orthoui.jobs.work import work
from orthoui.ledger import Result
from orthoui.ledger.values import Identity
from orthoui.models.architectures import TITLES
from orthoui.models.card import ModelCard
from orthoui.models.zoo import SUFFIX, checked_name
from orthoui.settings import settings
from orthoui.training.recipe import Recipe
from orthoui.training.reports import Step
from orthoui.training.schemes.options import Scheme
from orthoui.training.schemes.train import train_with_scheme
from orthoui.training.state import Epoch, State
from orthoui.training.train import model_name, train_model
from orthoui.training.watching import DIFFERS, StateFile

MOST_MOMENTS = 60
"""Points of the curves inside the epoch under way: all are stored with every report."""


class TrainRequest(BaseModel):
    """A recipe, and the name and folder that the model gets; both have defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Recipe
    name: str = Field(default="", max_length=200, description="name of the model; empty: made from its recipe")
    folder: Path | None = Field(default=None, description="where it is written; none: models in the home folder")
    scheme: Scheme | None = Field(
        default=None, description="what the training leaves behind for a later forgetting; none: nothing"
    )
    restart: bool = Field(default=False, description="begin anew although an interrupted training could go on")

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        return checked_name(name)

    @property
    def model(self) -> str:
        """Name of the model."""
        kind = "" if self.scheme is None else f"-{self.scheme.kind}"
        return self.name or f"{model_name(self.recipe)}{kind}"

    @property
    def path(self) -> Path:
        """File that the model is written to."""
        return (self.folder or settings().home / "models") / f"{self.model}{SUFFIX}"

    @property
    def state(self) -> Path:
        """File of the training's state, by the model's name: an interrupted training goes on wherever it is asked."""
        return settings().home / "training" / f"{self.model}.state{SUFFIX}"

    @property
    def identity(self) -> Identity:
        """What the ledger should know before it begins."""
        recipe = self.recipe
        return Identity(model=self.model, architecture=recipe.architecture, dataset=recipe.dataset, seed=recipe.seed)

    @property
    def title(self) -> str:
        """What it is, in words."""
        recipe = self.recipe
        kind = "orthogonal" if recipe.orthogonality else "plain"
        without = f" without class {', '.join(map(str, recipe.forgets))}" if recipe.forgets else ""
        prepared = f", prepared for {self.scheme.kind}" if self.scheme is not None else ""
        kind_of = TITLES.get(recipe.architecture, recipe.architecture)
        where = dataset_title(recipe.dataset)
        return f"Train {kind_of}, width {recipe.width}, {kind}, on {where}{without}{prepared}"


class Reporter(StateFile):
    """A watcher that reports to a run: steps, curves, and the state at which it may be paused."""

    def __init__(self, path: Path, context: Context) -> None:
        super().__init__(path, on_step=self._step, on_epoch=self._epoch)
        self._context, self._folder = context, path.parent
        self._last: Step | None = None
        self._curves: list[dict[str, Any]] = []
        self._moments: list[dict[str, float]] = []
        self._differences: list[str] = []

    def wants_state(self, *, epoch_ended: bool) -> bool:
        """Whether the state should be kept now; a pause is asked for at any step."""
        # one that could not be written is not tried at every step
        at_once = self._context.paused() and not self.unkept
        return at_once or super().wants_state(epoch_ended=epoch_ended)

    def keep(self, state: State) -> bool:
        """Write the state, and stop here if asked to; without a state only a cancelled training stops."""
        kept = super().keep(state)
        if kept:
            self._context.checkpointed()
        else:
            self._context.log(self._notice())
            self._context.check()
        return kept

    def _notice(self) -> str:
        """Say that the state could not be written, why, and what to do."""
        return (
            f"The state of the training could not be written to {self._folder} ({self.unkept}). Until it can be, the "
            "training goes on but cannot be paused, and an interruption loses what it learned since the last state. "
            "Free some space there; it is tried again every minute."
        )

    def resumed(self, history: tuple[Epoch, ...], differences: list[str]) -> None:
        """Take over the curves of the part that is done, and tell what keeps it from being bit-identical."""
        self._curves = [epoch.curve for epoch in history]
        self._context.log(f"The training goes on after epoch {len(history)}.")
        self.differs(differences)

    def differs(self, differences: list[str]) -> None:
        """Log what keeps the training from being bit-identical, and let page and command line say it too."""
        sentences = [DIFFERS.format(difference) for difference in differences]
        self._differences += [sentence for sentence in sentences if sentence not in self._differences]
        for sentence in sentences:
            self._context.log(sentence)

    def _step(self, step: Step) -> None:
        self._context.check()
        if step.moment is not None:
            self._moments.append(step.moment.model_dump())
            if len(self._moments) > MOST_MOMENTS:
                del self._moments[::2]  # half as many tell as much of an epoch that takes so long
        self._tell(step)

    def _epoch(self, epoch: Epoch) -> None:
        self._context.check()
        self._curves.append(epoch.curve)
        self._moments.clear()
        if self._last is not None:
            self._tell(self._last)
        self._context.log(
            f"epoch {epoch.epoch} of {epoch.epochs}: loss {epoch.loss:.3f}, penalty {epoch.penalty:.3f} above its "
            f"least ({epoch.least_penalty:.3g}), accuracy {epoch.accuracy:.1f} % while training, "
            f"{epoch.calibration:.1f} % on calibration images, filter cosine {epoch.cosine:.4f}; "
            f"{epoch.images_per_second:,.0f} images/s"
        )
        layers = ", ".join(f"{layer} {cosine:.4f}" for layer, cosine in epoch.cosines.items())
        self._context.log(f"  mean absolute cosine between the filters of each layer: {layers}")

    def _tell(self, step: Step) -> None:
        self._last = step
        metrics: dict[str, Any] = {"curves": list(self._curves), "images_per_second": step.images_per_second}
        if self._moments:
            metrics["moments"] = list(self._moments)
        if self._differences:
            metrics["differences"] = list(self._differences)
        if self.unkept:
            metrics["notice"] = self._notice()
        epoch = f"Epoch {step.epoch} of {step.epochs}"
        self._context.progress(step.step, step.steps, step.loss, epoch, metrics, step.share)


@work("train", TrainRequest, pausable=True)
def train(request: TrainRequest, context: Context) -> Result:
    """Train a model and write its checkpoint. Raises ``RequestError`` when it is being trained already."""
    request.state.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{request.state}.lock")
    try:
        with lock.acquire(timeout=0):
            restart, reporter = request.restart and context.run.attempt == 1, Reporter(request.state, context)
            if restart:
                request.state.unlink(missing_ok=True)
            if request.scheme is None:
                card = train_model(request.recipe, request.path, reporter)
            else:
                card = train_with_scheme(request.scheme, request.recipe, request.path, reporter, restart=restart)
    except Timeout:
        raise RequestError(
            f"The model {request.model} is being trained already. Wait until it is done, or choose another name."
        ) from None
    return _result(request, card)


def _result(request: TrainRequest, card: ModelCard) -> Result:
    return Result(
        **request.identity.model_dump(exclude={"data_digest"}),
        data_digest=card.images_digest,
        metrics={
            "accuracy": card.accuracy,
            "filter_cosine": sum(card.filter_cosine.values()) / max(1, len(card.filter_cosine)),
            "path": str(request.path),
        },
        timings={"optimisation": card.training_seconds or 0.0},
    )
