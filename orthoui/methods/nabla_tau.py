"""∇τ: up the class's loss, but only until it is that of images the model does not know."""

import math
from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.methods.base import method
from orthoui.methods.optimise import Optimiser, TrainingRequest, make_optimiser, make_schedule, set_mode, steps_in
from orthoui.methods.work import Batch, Work

SHARE = 5 / 3
"""α₀ is this times |forget| / |train|, the paper's rule of thumb."""


class NablaTauRequest(TrainingRequest):
    """Defaults of the public port, except the target, which is for classes."""

    epochs: int = Field(default=10, ge=0, le=200, title="Epochs", description="passes over the forgotten images")
    learning_rate: float = Field(default=1e-4, ge=0, le=1, title="Learning rate", description="of the first step")
    optimiser: Optimiser = Field(default="adamw", title="Optimiser", description="rule of the steps")
    weight_decay: float = Field(default=1e-4, ge=0, le=1, title="Weight decay", description="of all weights")
    alpha: float | None = Field(
        default=None,
        ge=0,
        le=1,
        title="Weight α₀ of forgetting",
        description="at the first step, falls to 0; none: 5/3 of the images' share, at most 1",
    )
    target: Literal["chance", "held-out", "given"] = Field(
        default="chance",
        title="Target",
        description="loss the class is raised to: ln C, that of held-out images (low for a class), or a given one",
    )
    target_loss: float = Field(
        default=2.3,
        ge=0,
        le=100,
        title="Given target",
        description="loss in nats, for the target “given”",
    )
    compat: bool = Field(
        default=False,
        title="As published",
        description="as the port: target of held-out images, and class-pure batches move the batch norms",
    )


@method(
    "nabla-tau",
    title="∇τ (nabla-tau)",
    source="Trippa et al., 2024 (arXiv 2403.14339)",
    summary="Raises the class's loss to that of unseen images and no further, while training on the rest.",
    request=NablaTauRequest,
    needs={"forget images", "retain images", "held-out images", "gradients"},
    departs="target and batch norms: the public port's target, the loss of held-out images, is so low that a class "
    "stays recognised, and there images of the class move the batch norms",
)
def nabla_tau(work: Work) -> nn.Module:
    """Minimise α_t ReLU(L_v − L_u)² + (1 − α_t) L_r over paired batches, the retained ones cycled.

    L_u and L_v see images as they are, the retained images are augmented as in training.
    """
    request, student = work.asked(NablaTauRequest), work.student()
    per_epoch = steps_in(len(work.forget), request.batch_size)
    steps = request.epochs * per_epoch
    optimiser = make_optimiser(student.parameters(), request)
    schedule = make_schedule(optimiser, request.schedule, steps)
    alpha = first_alpha(work, request)
    with work.stage("optimisation"):
        target = 0.0
        for step, (forget, retain) in enumerate(pairs(work, request)):
            if step % per_epoch == 0:
                target = target_loss(work, student, request)
            set_mode(student, request.bn_mode)
            loss = paired_loss(work, student, request, forget, retain, target, alpha_at(step, steps, alpha))
            work.step(loss, optimiser, len(forget) + len(retain))
            schedule.step()
            work.tell(step + 1, steps, loss.detach())
    return student


def first_alpha(work: Work, request: NablaTauRequest) -> float:
    """Return α₀: as asked, else by the rule of thumb."""
    if request.alpha is not None:
        return request.alpha
    return min(1.0, SHARE * len(work.forget) / len(work.data["train"]))


def alpha_at(step: int, steps: int, first: float) -> float:
    """Return α_t = α₀ (1 − t/T)."""
    return first * (1 - step / steps)


def target_loss(work: Work, student: nn.Module, request: NablaTauRequest) -> float:
    """Return L_v: ln C, a given loss, or the mean loss of all held-out images in evaluation mode."""
    if request.target == "held-out" or request.compat:
        student.eval()
        total = 0.0
        with torch.no_grad():
            for batch in work.batches(work.held_out, 256, shuffle=False):
                total += float(F.cross_entropy(work.logits(student, batch.inputs), batch.labels, reduction="sum"))
        return total / len(work.held_out)
    return math.log(work.classes) if request.target == "chance" else request.target_loss


def pairs(work: Work, request: NablaTauRequest) -> Iterator[tuple[Batch, Batch]]:
    """Yield a batch of the class with a batch of the rest, ``epochs`` times through the class."""
    retain = work.endless(work.retain, request.batch_size, augmented=True)
    for _ in range(request.epochs):
        for forget in work.batches(work.forget, request.batch_size):
            yield forget, next(retain)


def paired_loss(
    work: Work,
    student: nn.Module,
    request: NablaTauRequest,
    forget: Batch,
    retain: Batch,
    target: float,
    alpha: float,
) -> Tensor:
    """Return the loss of a pair. The class's batch passes in evaluation mode, the same footing as the target.

    The retained batch goes first: batch norms that move must not move between a pass and its gradient.
    """
    kept = F.cross_entropy(work.logits(student, retain.inputs), retain.labels)
    if not request.compat:
        student.eval()
    forgotten = F.cross_entropy(work.logits(student, forget.inputs), forget.labels)
    set_mode(student, request.bn_mode)
    return alpha * forgetting_loss(forgotten, target) + (1 - alpha) * kept


def forgetting_loss(forgotten: Tensor, target: float) -> Tensor:
    """Return ReLU(L_v − L_u)², whose slope is exactly 0 once L_u has reached L_v."""
    return F.relu(target - forgotten) ** 2
