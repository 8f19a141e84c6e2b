"""NegGrad+: gradient ascent on the forgotten images, held in place by descent on the retained ones."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.methods.base import method
from orthoui.methods.optimise import TrainingRequest, at_chance, steps_in, train_epochs
from orthoui.methods.work import Batch, Work


class NegGradPlusRequest(TrainingRequest):
    """β after the paper; the rest are usual values, none of them published, for five epochs."""

    beta: float = Field(
        default=0.95, ge=0, le=1, title="β", description="share of the retained images in the loss; 1 is fine-tuning"
    )
    clip: float = Field(default=5.0, gt=0, le=1000, title="Gradient clip", description="largest gradient norm")
    stop_at_chance: bool = Field(
        default=False,
        title="Stop at chance",
        description="stop after the epoch in which the class is recognised by chance only; the loss has no floor",
    )
    compat: bool = Field(
        default=False,
        title="As in the code",
        description="two passes a step as published, so that train-mode batch norms see class-pure batches; "
        "otherwise both kinds of images share a pass",
    )


@method(
    "neggrad-plus",
    title="NegGrad+",
    source="Kurmanji et al., NeurIPS 2023 (arXiv 2302.09880)",
    summary="Climbs the loss of the class's images while it descends that of all others.",
    request=NegGradPlusRequest,
    needs={"forget images", "retain images", "gradients"},
    departs="epochs, gradient clip and schedule, which are usual values: none are published",
    search={"beta": (0.95, 0.98, 0.99), "epochs": (1, 2)},
)
def neggrad_plus(work: Work) -> nn.Module:
    """Minimise L = β·L_r − (1 − β)·L_u, means of the cross entropy, on paired batches."""
    request, student = work.asked(NegGradPlusRequest), work.student()
    forgotten = torch.tensor(request.classes, device=work.device)

    def loss_of(batch: Batch) -> Tensor:
        of_class = torch.isin(batch.labels, forgotten)
        if request.compat:
            parts = [work.logits(student, batch.inputs[which]) for which in (~of_class, of_class)]
        else:
            logits = work.logits(student, batch.inputs)
            parts = [logits[~of_class], logits[of_class]]
        descent = F.cross_entropy(parts[0], batch.labels[~of_class])
        ascent = F.cross_entropy(parts[1], batch.labels[of_class])
        return request.beta * descent - (1 - request.beta) * ascent

    with work.stage("optimisation"):
        train_epochs(
            work,
            student,
            request,
            lambda: pairs(work, request.batch_size),
            steps_in(len(work.retain), request.batch_size),
            loss_of,
            clip=request.clip,
            stop=lambda epoch: request.stop_at_chance and epoch > 0 and at_chance(work, student),
        )
    return student


def pairs(work: Work, size: int) -> Iterator[Batch]:
    """Yield one pass over the retained images, each batch joined with one of forgotten images, which start over."""
    forget = work.endless(work.forget, size)
    for retained in work.batches(work.retain, size, augmented=True):
        other = next(forget)
        yield Batch(
            torch.cat([retained.inputs, other.inputs]),
            torch.cat([retained.labels, other.labels]),
            torch.cat([retained.positions, other.positions]),
        )
