"""Retraining from scratch without the class: the standard that every other method is measured against."""

import copy
from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator
from torch import nn

from orthoui.errors import CancelledError, CheckpointError
from orthoui.methods.base import MethodRequest, method
from orthoui.methods.work import Work
from orthoui.models.kinship import difference
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import zoo
from orthoui.training.loop import Training
from orthoui.training.parallel import make_fabric
from orthoui.training.reports import Step
from orthoui.training.watching import StateFile, run_from_kept

STATE = "retraining.safetensors"


class RetrainRequest(MethodRequest):
    """The recipe is the model's own, penalty included; only the class is missing and the seed is another."""

    seed: int = Field(default=1, ge=0, le=2**31 - 1, title="Seed", description="of first weights and order")
    epochs: int | None = Field(
        default=None, ge=0, le=1000, title="Epochs", description="passes over the retained images; none: as trained"
    )
    ready: bool = Field(
        default=False,
        title="Take a ready one",
        description="where such a model lies ready, take it and the seconds of its own training",
    )

    @model_validator(mode="after")
    def _a_ready_one_has_its_own_epochs(self) -> Self:
        if self.ready and self.epochs is not None:
            raise ValueError("a ready model has its own epochs: leave them empty, or have a new one trained")
        return self


def ready_one(model: TrainedModel, classes: Sequence[int]) -> TrainedModel | None:
    """Return a model that lies ready and differs from ``model`` only in never having seen the classes."""
    found = zoo().reference(model, classes)
    return found if found is not None and not difference(found.card, model.card) else None


def resizes(model: TrainedModel) -> str | None:
    """Say that a model takes resized images, which a training here cannot; None when it does not."""
    if not model.card.resized:
        return None
    return (
        f"{model.name} takes images resized to {model.card.input_size}×{model.card.input_size} pixels, and training "
        "here takes them as they are: a retrained network could not be compared with it. Choose another method."
    )


@method(
    "retrain",
    title="Retrain",
    source="Reference procedure (Cao and Yang, IEEE S&P 2015)",
    summary="Trains a new model from scratch that is never shown the class.",
    request=RetrainRequest,
    needs={"retain images", "gradients"},
    exact=True,
    unfit=resizes,
)
def retrain(work: Work) -> nn.Module:
    """Train fresh weights on the retained images only; the last epoch's weights, nothing is selected.

    A model whose training is unknown is retrained by the recipe that stands in for it, which a note says.
    """
    request, card = work.asked(RetrainRequest), work.model.card
    ready = ready_one(work.model, request.classes) if request.ready else None
    if ready is not None:
        if ready.card.training_seconds is not None:
            work.seconds["optimisation"] = ready.card.training_seconds
        work.notes.append(f"This is {ready.name}, trained before: its seconds were measured at that time.")
        return copy.deepcopy(ready.network)
    epochs = work.recipe.epochs if request.epochs is None else request.epochs
    recipe = work.recipe.model_copy(update={"forgets": request.classes, "seed": request.seed, "epochs": epochs})
    if recipe.architecture != card.architecture:  # a mean of several networks, each trained on a part of the images
        work.notes.append(f"This is a single network, trained on all retained images; {work.model.name} is a mean.")
    training = Training(work.data, recipe, (card.mean, card.std), make_fabric(work.device))

    def told(step: Step) -> None:
        if work.watch.cancelled():
            raise CancelledError("The retraining was cancelled. The model is unchanged.")
        work.watch.progress(step.step, step.steps, step.loss)

    network = _trained(training, StateFile(work.watch.folder and work.watch.folder / STATE, on_step=told))
    work.seconds["optimisation"] += training.seconds  # of its steps; the accuracy after every epoch is not in them
    work.count(epochs * training.steps_per_epoch * recipe.batch_size, backward=True)
    return network


def _trained(training: Training, watcher: StateFile) -> nn.Module:
    """Train, from the state that an attempt before this one has kept, if it was of this very training."""
    try:
        network = run_from_kept(training, watcher)
    except CheckpointError:
        network = training.run(watcher)
    if watcher.path is not None:  # one that was stopped keeps it, to be tried again
        watcher.path.unlink(missing_ok=True)
    return network
