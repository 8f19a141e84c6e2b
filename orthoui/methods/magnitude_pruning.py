"""Magnitude pruning: the control that takes the filters nobody would miss, whatever the class."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from orthoui.forgetting.selection import channel_count
from orthoui.methods.base import MethodRequest, method
from orthoui.methods.filters import filter_tensors, scale_filters
from orthoui.methods.work import Work

Norm = Literal["l1", "l2"]


class MagnitudeRequest(MethodRequest):
    """Ratio and layers are those of the paper's soft pruning, not of the setting recommended for a model.

    Beside that setting random channels are the control of equal dose.
    """

    ratio: float = Field(
        default=0.05, ge=0, le=0.95, title="Ratio", description="share of the filters of every layer that is taken"
    )
    strength: float = Field(
        default=1.0, ge=0, le=1, title="Strength", description="how much of a filter is taken: 1 sets it to zero"
    )
    norm: Norm = Field(default="l1", title="Norm", description="size of a filter: sum of magnitudes, or Euclidean")
    norms: bool = Field(
        default=False, title="Batch norms too", description="also scales γ and β, so that the channel falls silent"
    )


@method(
    "magnitude-pruning",
    title="Magnitude pruning",
    source="Null control; Li et al., ICLR 2017 (arXiv 1608.08710)",
    summary="Removes the smallest filters, whichever class they serve: what pruning alone does.",
    request=MagnitudeRequest,
    needs=set(),
    forgets=False,
    control=True,
)
def magnitude_pruning(work: Work) -> nn.Module:
    """Scale the same share of filters down in every layer, smallest norm first; no image is looked at."""
    request, anatomy, network = work.asked(MagnitudeRequest), work.model.anatomy, work.student()
    with work.stage("edit"):
        chosen = {
            layer.name: smallest(filter_tensors(network, layer, norms=False)[0], request.ratio, request.norm)
            for layer in anatomy.layers
        }
        scale_filters(network, anatomy, chosen, 1 - request.strength, norms=request.norms)
    return network


@torch.no_grad()
def smallest(weight: Tensor, ratio: float, norm: Norm) -> Tensor:
    """Return the numbers of the smallest filters of a weight (C_out, …), int64; the first of equals comes first."""
    sizes: Tensor = torch.linalg.vector_norm(weight.flatten(1), ord=1 if norm == "l1" else 2, dim=1)  # (C_out,)
    return sizes.argsort(stable=True)[: channel_count(ratio, len(sizes))]
