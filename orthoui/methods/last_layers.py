"""CF-k and EU-k: fine-tune, or train anew, only the last k layers on the retained images."""

import torch
from pydantic import Field
from torch import nn

from orthoui.methods.base import method
from orthoui.methods.fine_tune import FineTuneRequest, retrain_on_retained
from orthoui.methods.work import Work
from orthoui.models.anatomy import Anatomy
from orthoui.models.architectures import build

SOURCE = "Goel et al., 2022 (arXiv 2201.06640)"


class LastLayersRequest(FineTuneRequest):
    """Fine-tuning's defaults; how many layers is the paper's question, so it has no published default.

    Not for the mean of several networks: there is no order of layers from the end in it.
    """

    layers: int = Field(
        default=5,
        ge=1,
        le=1000,
        title="Layers",
        description="k, counted from the end, none is published; a batch norm goes with its own",
    )


class AnewRequest(LastLayersRequest):
    """Layers that begin anew need the learning rate of training."""

    learning_rate: float = Field(default=0.1, ge=0, le=10, title="Learning rate", description="of the first step")


@method(
    "cf-k",
    title="CF-k",
    source=SOURCE,
    summary="Trains only the last layers on with the retained images, and waits until the class is forgotten.",
    request=LastLayersRequest,
    needs={"retain images", "gradients", "classifier head"},
    defaults="proposed",
    forgets=False,
)
def cf_k(work: Work) -> nn.Module:
    """Freeze all but the last k layers, statistics included, and fine-tune."""
    request, student = work.asked(LastLayersRequest), work.student()
    with work.stage("optimisation"):
        only_last(student, work.model.anatomy, request.layers)
        retrain_on_retained(work, student, request)
    return student


@method(
    "eu-k",
    title="EU-k",
    source=SOURCE,
    summary="Throws the last layers away and trains new ones on the retained images.",
    request=AnewRequest,
    needs={"retain images", "gradients", "classifier head"},
    defaults="proposed",
)
def eu_k(work: Work) -> nn.Module:
    """Draw the last k layers anew as the architecture does at the start of training, then train only those."""
    request, student, card = work.asked(AnewRequest), work.student(), work.model.card
    with work.stage("edit"):
        fresh = build(card.architecture, len(card.classes), card.width).state_dict()
        replaced = student.state_dict()
        for name in names_of_last(student, work.model.anatomy, request.layers):
            replaced[name].copy_(fresh[name])
    with work.stage("optimisation"):
        only_last(student, work.model.anatomy, request.layers)
        retrain_on_retained(work, student, request)
    return student


def only_last(network: nn.Module, anatomy: Anatomy, count: int) -> None:
    """Freeze every parameter outside the last ``count`` layers; nothing is frozen when there are fewer."""
    trained = names_of_last(network, anatomy, count)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in trained)


@torch.no_grad()
def names_of_last(network: nn.Module, anatomy: Anatomy, count: int) -> set[str]:
    """Return the names of all tensors, statistics included, of the last ``count`` layers in order of execution.

    A layer is a convolution with its batch norm, or the head; the shortcuts of residual blocks count.
    """
    layers = [(layer.name, layer.norm) for layer in anatomy.layers]
    if anatomy.head is not None:
        layers.append((anatomy.head, None))
    if count >= len(layers):
        return set(network.state_dict())
    modules = tuple(f"{name}." for layer in layers[-count:] for name in layer if name is not None)
    return {name for name in network.state_dict() if name.startswith(modules)}
