"""Fine-tuning on the retained images: the class fades because nobody mentions it any more."""

from collections.abc import Callable

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.methods.base import method
from orthoui.methods.optimise import Schedule, TrainingRequest, train_on
from orthoui.methods.work import Batch, Work


class FineTuneRequest(TrainingRequest):
    """Defaults of the SFRon repository for CIFAR-10: 10 epochs of SGD with cosine from 0.01."""

    epochs: int = Field(default=10, ge=0, le=200, title="Epochs", description="passes over the retained images")
    schedule: Schedule = Field(default="cosine", title="Schedule", description="course of the learning rate")


@method(
    "fine-tune",
    title="Fine-tune",
    source="Standard baseline; defaults of the SFRon repository (arXiv 2409.19732)",
    summary="Trains on with the retained images only and waits until the class is forgotten by neglect.",
    request=FineTuneRequest,
    needs={"retain images", "gradients"},
    forgets=False,
)
def fine_tune(work: Work) -> nn.Module:
    """Minimise the cross entropy on the retained images from the model's weights."""
    request = work.asked(FineTuneRequest)
    student = work.student()
    with work.stage("optimisation"):
        retrain_on_retained(work, student, request)
    return student


def retrain_on_retained(
    work: Work, student: nn.Module, request: TrainingRequest, after_step: Callable[[], None] = lambda: None
) -> None:
    """Train ``student`` on the retained images as ``request`` says; also the repair phase of other methods."""

    def loss_of(batch: Batch) -> Tensor:
        return F.cross_entropy(work.logits(student, batch.inputs), batch.labels)

    train_on(
        work,
        student,
        request,
        work.retain,
        loss_of,
        augmented=True,
        after_step=after_step,
    )
