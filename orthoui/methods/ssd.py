"""Selective Synaptic Dampening: shrink the weights that matter much more for the class than for everything."""

from collections.abc import Callable, Iterable

import torch
from pydantic import Field
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.methods.base import MethodRequest, method
from orthoui.methods.importance import each_gradient, mean_square
from orthoui.methods.optimise import steps_in
from orthoui.methods.work import Work

Importance = Callable[[Work, nn.Module, ImageSet, int, Callable[[int], None]], list[Tensor]]


class DampeningRequest(MethodRequest):
    """Defaults of the SSD repository for ResNet-18. Weights of both passes are measured with one batch size."""

    selection: float = Field(
        default=10,
        ge=0,
        le=1e9,
        title="Selection α",
        description="a weight is chosen when it matters α times more for the class than for all images",
    )
    dampening: float = Field(
        default=1,
        ge=0,
        le=1e9,
        title="Dampening λ",
        description="a chosen weight is multiplied by λ × its importance for all over that for the class, at most 1",
    )
    batch_size: int = Field(
        default=64,
        ge=1,
        le=4096,
        title="Batch size",
        description="images per gradient in both passes; importances of different sizes do not compare",
    )


@method(
    "ssd",
    title="SSD",
    source="Foster, Schoepf and Brintrup, AAAI 2024 (arXiv 2308.07707)",
    summary="Shrinks the weights that matter far more for the class than for all images; no training.",
    request=DampeningRequest,
    needs={"forget images", "retain images", "gradients"},
    search={"selection": (10, 12, 15, 20), "dampening": (1, 5)},
)
def ssd(work: Work) -> nn.Module:
    """Measure squared gradients on the class and on all training images, then dampen."""
    return dampened(work, fisher)


def fisher(
    work: Work, network: nn.Module, images: ImageSet, batch_size: int, told: Callable[[int], None]
) -> list[Tensor]:
    """Return the mean over batches of the squared gradient of the mean cross entropy by every parameter."""
    return mean_square(each_gradient(work, network, images, batch_size, told))


def dampened(work: Work, importance: Importance) -> nn.Module:
    """Return the network dampened by the importances of the class (forget) and of everything (forget and retain)."""
    request, network = work.asked(DampeningRequest), work.student()
    whole, size = work.data["train"], request.batch_size
    first = steps_in(len(work.forget), size)
    steps = first + steps_in(len(whole), size)
    with work.stage("statistics"):
        of_class = importance(work, network, work.forget, size, lambda batch: work.tell(batch, steps))
        of_all = importance(work, network, whole, size, lambda batch: work.tell(first + batch, steps))
    with work.stage("edit"):
        chosen = dampen(network.parameters(), of_class, of_all, request.selection, request.dampening)
    count = sum(part.numel() for part in network.parameters())
    work.notes.append(f"{chosen:,} of {count:,} weights were dampened ({chosen / count:.2%}).")
    return network


@torch.no_grad()
def dampen(
    parameters: Iterable[Tensor],
    of_class: Iterable[Tensor],
    of_all: Iterable[Tensor],
    selection: float,
    dampening: float,
) -> int:
    """Scale, in place, every weight with I_class > α I_all by min(λ I_all / I_class, 1); return how many there were.

    The divisor of a chosen weight is greater than α I_all ≥ 0; what division gives elsewhere is not used.
    """
    chosen = []
    for weights, forget, everything in zip(parameters, of_class, of_all, strict=True):
        selected = forget > selection * everything
        factor = (dampening * everything / forget).clamp_(max=1)
        weights.mul_(torch.where(selected, factor, 1.0))
        chosen.append(selected.sum())
    return int(torch.stack(chosen).sum())
