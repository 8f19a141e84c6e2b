"""Boundary Expand: the forgotten images are sent to an extra class, which is then deleted."""

import torch
from pydantic import Field
from torch import nn

from orthoui.methods.base import method
from orthoui.methods.boundary_shrink import SOURCE, BoundaryRequest, train_towards
from orthoui.methods.work import Work


class BoundaryExpandRequest(BoundaryRequest):
    """As Boundary Shrink, without an attack."""

    compat: bool = Field(
        default=False, title="As published", description="as the code: batch norms move with class-pure batches"
    )


@method(
    "boundary-expand",
    title="Boundary Expand",
    source=SOURCE,
    summary="Teaches the model an extra class for the images to forget, then deletes that class.",
    request=BoundaryExpandRequest,
    needs={"forget images", "gradients", "classifier head"},
    departs="the batch norms, which keep their statistics: in the published code images of the class overwrite them",
    search={"learning_rate": (1e-5, 3e-5, 1e-4), "epochs": (10, 20)},
)
def boundary_expand(work: Work) -> nn.Module:
    """Add output C, fine-tune the whole network on the forgotten images labelled C, drop the output again."""
    request, student, name = work.asked(BoundaryExpandRequest), work.student(), work.head
    with work.stage("edit"):
        student.set_submodule(name, expanded(student.get_submodule(name)))
    extra = torch.full((len(work.forget),), work.classes)
    with work.stage("optimisation"):
        train_towards(work, student, request, work.forget, extra, request.compat)
    with work.stage("edit"):
        student.set_submodule(name, shortened(student.get_submodule(name), work.classes))
    return student


def expanded(head: nn.Module) -> nn.Linear:
    """Return a linear layer with one more output in its usual initialisation; the others are copied."""
    if not isinstance(head, nn.Linear):
        raise TypeError(f"{type(head).__name__} is not a linear layer.")
    wide = nn.Linear(head.in_features, head.out_features + 1, head.bias is not None).to(head.weight)
    _copy_rows(head, wide, head.out_features)
    return wide


def shortened(head: nn.Module, outputs: int) -> nn.Linear:
    """Return a linear layer of the first outputs alone."""
    if not isinstance(head, nn.Linear):
        raise TypeError(f"{type(head).__name__} is not a linear layer.")
    short = nn.Linear(head.in_features, outputs, head.bias is not None).to(head.weight)
    _copy_rows(head, short, outputs)
    return short


@torch.no_grad()
def _copy_rows(source: nn.Linear, target: nn.Linear, rows: int) -> None:
    target.weight[:rows].copy_(source.weight[:rows])
    if source.bias is not None:
        target.bias[:rows].copy_(source.bias[:rows])
