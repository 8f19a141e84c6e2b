"""A reconstruction in the style of DFMU: channels that matter for the class are scaled down, then a short repair.

The paper (arXiv 2606.25410) has no public code and what is known of it gives no formulas. What is here is SSD for
whole channels with few images: a gate on every channel, its Fisher information on the class and on the rest, a
multiplier from their ratio. Report it as “DFMU-style”, never as DFMU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.methods.base import method
from orthoui.methods.optimise import TrainingRequest, steps_in, train_epochs
from orthoui.methods.work import Batch, Work
from orthoui.models.anatomy import ConvLayer, hooked

EPSILON = 1e-12
"""Keeps the ratio finite where a channel matters for nothing retained."""


class DfmuStyleRequest(TrainingRequest):
    """None of it is published. 64 images of each part and a repair on 13 % of the retained ones are proposed.

    τ and κ were searched: 10 and 1, the first proposal, left 86 % of the class (docs/methods.md).
    """

    images: int = Field(
        default=64,
        ge=1,
        le=1_000_000,
        title="Images",
        description="of the class and of the rest, to score channels",
    )
    threshold: float = Field(
        default=0.5, ge=0, le=1e9, title="Threshold τ", description="a channel is scaled when its ratio is above it"
    )
    kept: float = Field(
        default=0.1,
        ge=0,
        le=1e9,
        title="Kept κ",
        description="a scaled channel keeps κ × its importance for the rest over that for the class, at most 1",
    )
    repair_share: float = Field(
        default=0.13, ge=0, le=1, title="Repair share", description="of the retained images, used for the repair"
    )
    epochs: int = Field(default=3, ge=0, le=200, title="Repair epochs", description="passes over these images")


@method(
    "dfmu-style",
    title="DFMU-style (reconstruction)",
    source="After Sajith U and Keserwani, 2026 (arXiv 2606.25410); reconstructed, no code is public",
    summary="Scales down the channels that a few images show to matter for the class, then repairs briefly.",
    request=DfmuStyleRequest,
    needs={"forget images", "retain images", "gradients"},
    defaults="searched",
    search={"threshold": (0.3, 0.5, 1), "kept": (0.01, 0.03, 0.1)},
)
def dfmu_style(work: Work) -> nn.Module:
    """Score the channels on two small batches, rescale them, and fine-tune on a share of the retained images."""
    request, student = work.asked(DfmuStyleRequest), work.student()
    with work.stage("statistics"):
        work.tell(0, 1)
        of_class, of_rest = (gate_squares(work, student, part, request.images) for part in (work.forget, work.retain))
    with work.stage("edit"):
        multipliers = {
            name: multiplier(of_class[name].mean(0), of_rest[name].mean(0), request.threshold, request.kept)
            for name in of_class
        }
        rescale(student, work.model.anatomy.layers, multipliers)
    work.notes += _described(of_class, of_rest, multipliers)
    with work.stage("optimisation"):
        repair(work, student, request)
    return student


def place(layer: ConvLayer) -> str:
    """Return the module whose output carries the channels of a convolution: its batch norm, if it has one.

    Behind the batch norm a multiplier means the same in evaluation and in training; before it, it would be undone.
    """
    return layer.norm or layer.name


@contextmanager
def gated(network: nn.Module, layers: tuple[ConvLayer, ...], images: int, device: torch.device) -> Iterator[Any]:
    """Multiply every channel by a gate of 1 per image for the length of a block; yields (N, C, 1, 1) by layer."""
    gates = {
        layer.name: torch.ones(images, layer.channels, 1, 1, device=device, requires_grad=True) for layer in layers
    }
    passing = {place(layer): lambda module, inputs, output, gate=gates[layer.name]: output * gate for layer in layers}
    with hooked(network, passing):
        yield gates


def gate_squares(work: Work, network: nn.Module, images: ImageSet, count: int) -> dict[str, Tensor]:
    """Return (∂ℓ/∂g)² of every image and channel, (n, C) by layer, at g = 1: the gate's Fisher information.

    One pass in evaluation mode and float32 over ``count`` images drawn at random. The label loss is used because
    the gradient of a divergence from the model's own answer is zero where both agree.
    """
    network.eval()
    batch = work.batch(images, torch.randperm(len(images), generator=work.generator)[:count])
    work.forward_passes += len(batch)
    work.backward_passes += len(batch)
    with gated(network, work.model.anatomy.layers, len(batch), work.device) as gates:
        loss = F.cross_entropy(network(batch.inputs), batch.labels, reduction="sum")
        gradients = torch.autograd.grad(loss, list(gates.values()), allow_unused=True, materialize_grads=True)
    return {name: gradient.flatten(1).square() for name, gradient in zip(gates, gradients, strict=True)}


def ratio(of_class: Tensor, of_rest: Tensor) -> Tensor:
    """Return ρ = I_class / (I_rest + ε), (C,)."""
    return of_class / (of_rest + EPSILON)


def multiplier(of_class: Tensor, of_rest: Tensor, threshold: float, kept: float) -> Tensor:
    """Return min(1, κ I_rest / I_class) where ρ > τ, and 1 elsewhere, (C,)."""
    chosen = ratio(of_class, of_rest) > threshold
    return torch.where(chosen, (kept * of_rest / of_class).clamp(max=1), 1.0)


@torch.no_grad()
def rescale(network: nn.Module, layers: tuple[ConvLayer, ...], multipliers: dict[str, Tensor]) -> None:
    """Multiply, in place, the channels' outputs: γ and β of the batch norm, or filter and bias without one.

    A batch norm without γ and β has its channels left alone: nothing in it scales an output.
    """
    for layer in layers:
        module = network.get_submodule(place(layer))
        factors = multipliers[layer.name]
        for tensor in (module.weight, module.bias):
            if isinstance(tensor, Tensor):
                tensor.mul_(factors.view(-1, *[1] * (tensor.ndim - 1)))


def repair(work: Work, student: nn.Module, request: DfmuStyleRequest) -> None:
    """Fine-tune on a seeded share of the retained images."""
    count = round(request.repair_share * len(work.retain))
    if not count:
        return
    part = work.retain.subset(torch.randperm(len(work.retain), generator=work.generator)[:count])

    def loss_of(batch: Batch) -> Tensor:
        return F.cross_entropy(work.logits(student, batch.inputs), batch.labels)

    def epoch() -> Iterator[Batch]:
        return work.batches(part, request.batch_size, augmented=True)

    train_epochs(work, student, request, epoch, steps_in(count, request.batch_size), loss_of)


def _described(of_class: dict[str, Tensor], of_rest: dict[str, Tensor], factors: dict[str, Tensor]) -> list[str]:
    scaled = sum(int((part < 1).sum()) for part in factors.values())
    spread = torch.cat([ratio(of_class[name].mean(0), of_rest[name].mean(0)) for name in of_class])
    low, middle, high = spread.quantile(torch.tensor([0.05, 0.5, 0.95], device=spread.device)).tolist()
    images = torch.cat(list(of_class.values()), dim=1)
    doubt = images.std(0, correction=0) / len(images) ** 0.5 / images.mean(0)
    return [
        f"{scaled:,} of {len(spread):,} channels were scaled. Ratio of importances: median {middle:.3g}, "
        f"90 % in {low:.3g} to {high:.3g}; standard error of an importance, median {float(doubt.nanmedian()):.0%}."
    ]
