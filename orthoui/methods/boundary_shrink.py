"""Boundary Shrink: every forgotten image is sent to the wrong class that is nearest to it."""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.methods.base import method
from orthoui.methods.optimise import NormMode, TrainingRequest, train_on
from orthoui.methods.work import Batch, Work

SOURCE = "Chen et al., CVPR 2023 (arXiv 2303.11570)"
PUBLISHED_BLUE = 0.2265
"""Mean of CIFAR-10's third channel in the published attack, where 0.4465 is meant."""


class BoundaryRequest(TrainingRequest):
    """Defaults of the published code, whose network is a small All-CNN, but for its batch norms, which move."""

    epochs: int = Field(default=10, ge=0, le=200, title="Epochs", description="passes over the forgotten images")
    learning_rate: float = Field(
        default=1e-5, ge=0, le=1, title="Learning rate", description="of every step; try 1e-6 to 1e-3 for a ResNet"
    )
    batch_size: int = Field(default=64, ge=2, le=4096, title="Batch size", description="images per step")
    weight_decay: float = Field(default=0, ge=0, le=1, title="Weight decay", description="of all weights")
    bn_mode: NormMode = Field(
        default="eval", title="Batch norms", description="train: class-pure batches overwrite their statistics"
    )


class BoundaryShrinkRequest(BoundaryRequest):
    """The attack that finds the nearest wrong class, then the training."""

    epsilon: float = Field(
        default=0.1, ge=0, le=1, title="Attack step ε", description="largest change of a pixel, 1 is full brightness"
    )
    failed: Literal["drop", "runner-up"] = Field(
        default="drop",
        title="Failed attacks",
        description="images that stay in the class: left out, or sent to the runner-up of the attacked logits",
    )
    compat: bool = Field(
        default=False,
        title="As published",
        description="as the code: failed attacks train their own class, batch norms move, third mean 0.2265",
    )


@method(
    "boundary-shrink",
    title="Boundary Shrink",
    source=SOURCE,
    summary="Teaches the model to take every image of the class for the class it is nearest to.",
    request=BoundaryShrinkRequest,
    needs={"forget images", "gradients"},
    departs="the batch norms, which keep their statistics, and failed attacks, which are left out: in the published "
    "code images of the class overwrite the statistics, and failed attacks train their own class",
    search={"learning_rate": (1e-6, 3e-6, 1e-5, 3e-5)},
)
def boundary_shrink(work: Work) -> nn.Module:
    """Attack every forgotten image once, then fine-tune on the clean images with the classes the attack found."""
    request, student = work.asked(BoundaryShrinkRequest), work.student()
    with work.stage("statistics"):
        targets = nearest_classes(work, student, request)
    kept = torch.nonzero(targets >= 0).flatten()
    if len(kept) < len(targets):
        work.notes.append(
            f"The attack left {len(targets) - len(kept):,} of {len(targets):,} images in the class; "
            "they were not used."
        )
    with work.stage("optimisation"):
        if len(kept):
            train_towards(work, student, request, work.forget.subset(kept), targets[kept], request.compat)
    return student


def train_towards(
    work: Work, student: nn.Module, request: BoundaryRequest, images: ImageSet, targets: Tensor, published: bool
) -> None:
    """Fine-tune on clean images towards ``targets`` (N,); ``published`` lets the batch norms move."""
    targets = targets.to(work.device)

    def loss_of(batch: Batch) -> Tensor:
        wanted = targets[batch.positions.to(work.device)]
        return F.cross_entropy(work.logits(student, batch.inputs), wanted)

    train_on(
        work,
        student,
        request.model_copy(update={"bn_mode": "train"}) if published else request,
        images,
        loss_of,
    )


def nearest_classes(work: Work, network: nn.Module, request: BoundaryShrinkRequest) -> Tensor:
    """Return the class that the attack finds for every forgotten image (N,), −1 for an image to leave out.

    The network is asked in evaluation mode. Another forgotten class is no target: it counts as a failed attack.
    """
    network.eval()
    forgotten = torch.tensor(request.classes, device=work.device)
    found = []
    for batch in work.batches(work.forget, request.batch_size, shuffle=False):
        attacked = attack(work, network, batch, request.epsilon, request.compat)
        with torch.no_grad():
            logits = work.logits(network, attacked, exact=True)
        nearest = logits.argmax(1)
        if not request.compat:
            failed = torch.isin(nearest, forgotten)
            runner_up = logits.index_fill(1, forgotten, -torch.inf).argmax(1)
            instead = runner_up if request.failed == "runner-up" else torch.full_like(nearest, -1)
            nearest = torch.where(failed, instead, nearest)
        found.append(nearest.cpu())
        work.tell(0, 1)
    return torch.cat(found)


def attack(work: Work, network: nn.Module, batch: Batch, epsilon: float, published: bool = False) -> Tensor:
    """Return the inputs (N, 3, H, W) after one step of ε up the loss, made in pixel space and rounded to 1/255.

    In the network's normalised inputs the step is ε/σ of the channel. A grey image stays grey.
    """
    inputs = batch.inputs.detach().clone().requires_grad_(True)
    loss = F.cross_entropy(work.logits(network, inputs, exact=True), batch.labels, reduction="sum")
    (slope,) = torch.autograd.grad(loss, inputs)
    work.backward_passes += len(batch)
    mean, std = pixel_scale(work, published)
    if len(work.model.card.mean) == 1:
        slope = slope.sum(1, keepdim=True)
    pixels = inputs.detach() * std + mean
    moved = ((pixels + epsilon * slope.sign()).clamp(0, 1) * 255).round() / 255
    return (moved - mean) / std


def pixel_scale(work: Work, published: bool = False) -> tuple[Tensor, Tensor]:
    """Return mean and deviation that turn inputs into pixels from 0 to 1: (1, channels, 1, 1) each."""
    mean, std = list(work.model.card.mean), list(work.model.card.std)
    if published and len(mean) == 3:
        mean[2] = PUBLISHED_BLUE
    return tuple(torch.tensor(part, device=work.device).view(1, -1, 1, 1) for part in (mean, std))  # type: ignore[return-value]
