"""FAMR: answers of the class are made uniform while an anchor holds the weights where they were."""

import math

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.methods.base import method
from orthoui.methods.optimise import NormMode, Optimiser, TrainingRequest, at_chance, train_on
from orthoui.methods.work import Batch, Work

HALVINGS = 20


class FamrRequest(TrainingRequest):
    """The paper's coefficients are not known; these are ours."""

    epochs: int = Field(default=5, ge=0, le=200, title="Epochs", description="passes over the forgotten images")
    learning_rate: float = Field(default=1e-4, ge=0, le=1, title="Learning rate", description="of every step")
    optimiser: Optimiser = Field(default="adam", title="Optimiser", description="rule of the steps")
    anchor: float = Field(
        default=1e-2, ge=0, le=1e9, title="Anchor λ", description="pull of all weights to where they were"
    )
    weight_decay: float = Field(
        default=0, ge=0, le=0, title="Weight decay", description="none: the anchor is there in its place"
    )
    bn_mode: NormMode = Field(
        default="eval", title="Batch norms", description="train: class-pure batches overwrite their statistics"
    )
    stop_at_chance: bool = Field(
        default=True,
        title="Stop at chance",
        description="stop before a pass once the class is recognised by chance only",
    )


@method(
    "famr",
    title="FAMR (reconstruction)",
    source="Sanga, Singh and Dubey, 2025 (arXiv 2506.14515); rebuilt from its text, no code is public",
    summary="Makes the answers to the class's images even over all classes, tied to the original weights.",
    request=FamrRequest,
    needs={"forget images", "gradients"},
    defaults="proposed",
)
def famr(work: Work) -> nn.Module:
    """Minimise J(θ) = mean KL(U ‖ p) over the forgotten images + λ/2 ‖θ − θ₀‖², from θ₀.

    Not for retained accuracy: only the anchor protects it, and it ignores the scale of layers. Uniform answers are
    not what a retrained model gives; entropy shows them.
    """
    request, student = work.asked(FamrRequest), work.student()
    original = {name: part.clone() for name, part in student.state_dict().items()}
    start = [part.detach().clone() for part in student.parameters()]

    def loss_of(batch: Batch) -> Tensor:
        return uniform_loss(work.logits(student, batch.inputs)) + anchor_loss(student, start, request.anchor)

    with work.stage("optimisation"):
        at_start = objective(work, student, start, request)
        train_on(
            work,
            student,
            request,
            work.forget,
            loss_of,
            stop=lambda epoch: request.stop_at_chance and at_chance(work, student),
        )
        keep_bound(work, student, start, original, request, at_start)
    return student


def uniform_loss(logits: Tensor) -> Tensor:
    """Return the mean over images of KL(U ‖ p) = −ln C − 1/C Σ ln p_k, nats; its slope by the logits is p − 1/C."""
    return -F.log_softmax(logits, 1).mean() - math.log(logits.shape[1])


def anchor_loss(network: nn.Module, start: list[Tensor], strength: float) -> Tensor:
    """Return λ/2 ‖θ − θ₀‖² over the trainable weights."""
    parts = [((now - then) ** 2).sum() for now, then in zip(network.parameters(), start, strict=True)]
    return strength / 2 * torch.stack(parts).sum()


@torch.no_grad()
def objective(work: Work, network: nn.Module, start: list[Tensor], request: FamrRequest) -> float:
    """Return J over all forgotten images, in evaluation mode."""
    network.eval()
    total = 0.0
    for batch in work.batches(work.forget, 256, shuffle=False):
        total += float(uniform_loss(work.logits(network, batch.inputs, exact=True))) * len(batch)
    return total / len(work.forget) + float(anchor_loss(network, start, request.anchor))


@torch.no_grad()
def keep_bound(
    work: Work,
    student: nn.Module,
    start: list[Tensor],
    original: dict[str, Tensor],
    request: FamrRequest,
    at_start: float,
) -> None:
    """Halve the way from θ₀ until J(θ) ≤ J(θ₀), so that λ/2 ‖θ − θ₀‖² ≤ L(θ₀) − L(θ) holds at the end.

    A step of Adam has the size of its rate however strong the anchor pulls; without this, a strong anchor would be
    no identity.
    """
    ways = [now - then for now, then in zip(student.parameters(), start, strict=True)]
    for halving in range(HALVINGS + 1):
        if objective(work, student, start, request) <= at_start:
            if halving:
                work.notes.append(f"The steps led uphill; the way was shortened to 1/{2**halving:,} of it.")
            return
        for now, then, way in zip(student.parameters(), start, ways, strict=True):
            now.copy_(then + way / 2 ** (halving + 1))
    student.load_state_dict(original)
    work.notes.append("The steps led uphill at any length; the weights are the original ones.")
