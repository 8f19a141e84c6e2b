"""Amnesiac unlearning: the logged updates of the class are subtracted, and the damage is repaired."""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import nn

from orthoui.errors import RequestError
from orthoui.methods.base import method
from orthoui.methods.fine_tune import FineTuneRequest, retrain_on_retained
from orthoui.methods.work import Work
from orthoui.models.trained import TrainedModel
from orthoui.training.schemes.amnesiac import mixed_up, updates_of
from orthoui.training.schemes.preparation import missing, preparation_of


class AmnesiacRequest(FineTuneRequest):
    """Subtraction has no settings; the repair is fine-tuning, for the few epochs the paper speaks of."""

    epochs: int = Field(default=3, ge=0, le=200, title="Epochs", description="of the repair on retained images")


def _mixed_up(model: TrainedModel, classes: Sequence[int]) -> str | None:
    preparation = preparation_of(model, "amnesiac")
    return None if preparation is None else mixed_up(preparation.about, classes)


@method(
    "amnesiac",
    title="Amnesiac unlearning",
    source="Graves, Nagisetty and Ganesh, AAAI 2021 (arXiv 2010.10981)",
    summary="Takes back every step of the training that the class took part in, then repairs what else was lost.",
    request=AmnesiacRequest,
    needs={"retain images", "gradients", "preparation"},
    departs="the schedule of the repair, a usual one as none is published",
    missing=lambda model: missing(model, "amnesiac"),
    apart=_mixed_up,
)
def amnesiac(work: Work) -> nn.Module:
    """θ ← θ − Σ_s δ_s over the logged steps of the class, weights and biases only; then train on retained images."""
    request, student, preparation = (
        work.asked(AmnesiacRequest),
        work.student(),
        preparation_of(work.model, "amnesiac"),
    )
    if preparation is None:  # it went away since it was offered
        raise RequestError(str(missing(work.model, "amnesiac")))
    with work.stage("edit"), torch.no_grad():
        updates = updates_of(preparation, request.classes)
        for name, parameter in student.named_parameters():
            if name in updates:
                parameter.sub_(updates[name].to(parameter.device))
    steps = sum(preparation.about.steps[label] for label in request.classes)
    work.notes.append(f"The changes of {steps:,} logged training steps were taken back.")
    with work.stage("optimisation"):
        retrain_on_retained(work, student, request)
    return student
