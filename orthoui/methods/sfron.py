"""SFRon: now and then a step that forgets, with salient weights only, and always a step that repairs."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.methods.base import method
from orthoui.methods.importance import each_gradient, mean_square
from orthoui.methods.optimise import OptimiserRequest, Schedule, make_optimiser, make_schedule, set_mode
from orthoui.methods.work import Batch, Work

TINY = 1e-15
"""Added to losses and importances, as in the published code."""


class SFRonRequest(OptimiserRequest):
    """Defaults of the published code for CIFAR-10 and ResNet-18 (10 % of the images at random)."""

    steps: int = Field(default=1500, ge=0, le=1_000_000, title="Steps T", description="repairing steps in all")
    forget_every: int = Field(
        default=5, ge=1, le=10_000, title="Forget every s", description="repairing steps from one forgetting step on"
    )
    ascent: float = Field(
        default=25, ge=0, le=1e6, title="Ascent α₀", description="weight of the forgetting loss; a cosine to zero"
    )
    adaptivity: float = Field(
        default=0.5,
        ge=0,
        le=10,
        title="Adaptivity λ",
        description="how much more images of small loss count; 0: alike",
    )
    saliency: float = Field(
        default=1,
        ge=0,
        le=1e9,
        title="Saliency γ",
        description="a weight may forget when it matters at least γ times as much for the class as for the rest",
    )
    clip: float = Field(
        default=7, gt=0, le=1e6, title="Gradient clip", description="largest gradient norm of a forgetting step"
    )
    slow_rate: float = Field(
        default=1, ge=0, le=1, title="Slow rate β", description="share of every round that is kept; 1: no averaging"
    )
    schedule: Schedule = Field(default="cosine", title="Schedule", description="course of the learning rate")


@method(
    "sfron",
    title="SFRon",
    source="Huang, Cheng, Zheng, Wang, He, Li and Huang, NeurIPS 2024 (arXiv 2409.19732)",
    summary="Alternates small forgetting steps on the weights of the class with repairing steps on the rest.",
    request=SFRonRequest,
    needs={"forget images", "retain images", "gradients"},
    search={"ascent": (1, 5, 25), "steps": (500,)},
)
def sfron(work: Work) -> nn.Module:
    """Mask by importances, then fast steps away from the class and along the rest, and a slow copy behind them."""
    request, student = work.asked(SFRonRequest), work.student()
    with work.stage("statistics"):
        masks = forgetting_masks(work, student, request)
    with work.stage("optimisation"):
        for step, loss in enumerate(rounds(work, student, request, masks), start=1):
            work.tell(step, request.steps, loss)
    return student


def forgetting_masks(work: Work, network: nn.Module, request: SFRonRequest) -> list[Tensor]:
    """Return, per parameter, which weights may forget, from squared gradients on the class and on the rest."""
    size, steps = request.batch_size, request.steps
    of_class, of_rest = (
        mean_square(each_gradient(work, network, images, size, lambda batch: work.tell(0, steps)))
        for images in (work.forget, work.retain)
    )
    return salient(of_class, of_rest, request.saliency)


def salient(of_class: list[Tensor], of_rest: list[Tensor], threshold: float) -> list[Tensor]:
    """Return where (F_class + 10⁻¹⁵) / (F_rest + 10⁻¹⁵) ≥ γ, Boolean, a mask per parameter."""
    pairs = zip(of_class, of_rest, strict=True)
    return [(forget + TINY) / (retain + TINY) >= threshold for forget, retain in pairs]


def adaptive_weights(losses: Tensor, adaptivity: float) -> Tensor:
    """Return w_i = c_i / Σ c_j with c_i = ℓ_i^−λ, (N,), without gradient: what is hardly forgotten counts most."""
    return torch.softmax(-adaptivity * (losses.detach() + TINY).log(), 0)  # as a power it would overflow


def ascent_at(step: int, request: SFRonRequest) -> float:
    """Return α_t = α₀ (1 + cos(πt/T)) / 2 for a step from 0 to T − 1."""
    return request.ascent * (1 + math.cos(math.pi * step / request.steps)) / 2


def rounds(work: Work, student: nn.Module, request: SFRonRequest, masks: list[Tensor]) -> Iterator[Tensor]:
    """Train, and yield the loss on retained images after every round.

    Both kinds of steps share one optimiser: momentum mixes them, and weight decay acts on all weights, masked or
    not, as published.
    """
    parameters = list(student.parameters())
    optimiser = make_optimiser(parameters, request)
    schedule = make_schedule(optimiser, request.schedule, request.steps)
    forget = work.endless(work.forget, request.batch_size, augmented=True)
    retain = work.endless(work.retain, request.batch_size, augmented=True)
    set_mode(student, request.bn_mode)
    for step in range(request.steps):
        slow = [part.detach().clone() for part in parameters] if request.slow_rate < 1 else []
        if step % request.forget_every == 0:
            forget_step(work, student, next(forget), optimiser, masks, request, ascent_at(step, request))
        batch = next(retain)
        loss = F.cross_entropy(work.logits(student, batch.inputs), batch.labels)
        work.step(loss, optimiser, len(batch))
        schedule.step()
        if slow:
            follow(parameters, slow, request.slow_rate)
        yield loss.detach()


def forget_step(
    work: Work,
    student: nn.Module,
    batch: Batch,
    optimiser: torch.optim.Optimizer,
    masks: list[Tensor],
    request: SFRonRequest,
    ascent: float,
) -> None:
    """Take one step up the adaptively weighted loss of a batch of the class: masked, then clipped."""
    losses = F.cross_entropy(work.logits(student, batch.inputs), batch.labels, reduction="none")
    optimiser.zero_grad(set_to_none=True)
    work.backward(-ascent * (adaptive_weights(losses, request.adaptivity) * losses).sum(), len(batch))
    parameters = list(student.parameters())
    for part, mask in zip(parameters, masks, strict=True):
        if part.grad is not None:
            part.grad.mul_(mask)
    torch.nn.utils.clip_grad_norm_(parameters, request.clip)
    optimiser.step()


@torch.no_grad()
def follow(parameters: list[nn.Parameter], slow: list[Tensor], rate: float) -> None:
    """Set the weights to (1 − β) θ_slow + β θ; with β = 0 they are the slow ones bit for bit."""
    for part, behind in zip(parameters, slow, strict=True):
        part.copy_(behind.lerp(part, rate))
