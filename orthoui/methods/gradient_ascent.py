"""Gradient ascent on the forgotten images."""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.methods.base import method
from orthoui.methods.optimise import NormMode, TrainingRequest, train_on
from orthoui.methods.work import Batch, Work


class AscentRequest(TrainingRequest):
    """Defaults of the SFRon repository for CIFAR-10; the network stays in evaluation mode there."""

    epochs: int = Field(default=9, ge=0, le=200, title="Epochs", description="passes over the forgotten images")
    learning_rate: float = Field(default=1e-4, ge=0, le=1, title="Learning rate", description="of every step")
    clip: float = Field(default=0.1, gt=0, le=1000, title="Gradient clip", description="largest gradient norm")
    bn_mode: NormMode = Field(
        default="eval", title="Batch norms", description="train: class-pure batches overwrite their statistics"
    )
    stop_at_chance: bool = Field(
        default=True,
        title="Stop at chance",
        description="stop at the first batch of which no more than chance is recognised",
    )


@method(
    "gradient-ascent",
    title="Gradient ascent",
    source="Golatkar, Achille and Soatto, CVPR 2020 (arXiv 1911.04933); Thudi et al., EuroS&P 2022",
    summary="Climbs the loss of the class's images until the model no longer recognises them.",
    request=AscentRequest,
    needs={"forget images", "gradients"},
    departs="the stop at chance level, which is ours",
    search={"learning_rate": (1e-4, 3e-4, 1e-3, 3e-3), "clip": (0.1, 1)},
)
def gradient_ascent(work: Work) -> nn.Module:
    """Maximise the cross entropy on the forgotten images, gradients clipped; the loss has no floor.

    It diverges within a few steps of chance, so that every batch is asked, before the step, whether it is there.
    """
    request, student = work.asked(AscentRequest), work.student()
    recognised = torch.ones((), device=work.device)

    def loss_of(batch: Batch) -> Tensor:
        nonlocal recognised
        logits = work.logits(student, batch.inputs)
        recognised = (logits.argmax(1) == batch.labels).float().mean()
        return -F.cross_entropy(logits, batch.labels)

    with work.stage("optimisation"):
        train_on(
            work,
            student,
            request,
            work.forget,
            loss_of,
            clip=request.clip,
            enough=lambda: request.stop_at_chance and bool(recognised <= 1 / work.classes),
        )
    return student
