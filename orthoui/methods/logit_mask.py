"""The logit mask: the control for claims that rest on accuracy alone."""

import torch
from torch import Tensor, nn

from orthoui.methods.base import MethodRequest, method
from orthoui.methods.work import Work


class Masked(nn.Module):
    """A network whose answers for some classes are taken away."""

    mask: Tensor

    def __init__(self, network: nn.Module, mask: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mask", mask)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes) with the masked ones at minus infinity."""
        logits: Tensor = self.network(images)
        return logits.masked_fill(self.mask, -torch.inf)


@method(
    "logit-mask",
    title="Logit mask",
    source="Null control (methods that only hide)",
    summary="Forbids the answer and changes nothing else: forgets by accuracy, remembers everything.",
    request=MethodRequest,
    needs=set(),
    control=True,
)
def logit_mask(work: Work) -> nn.Module:
    """Set the logits of the forgotten classes to minus infinity."""
    with work.stage("edit"):
        mask = torch.zeros(work.classes, dtype=torch.bool, device=work.device)
        mask[list(work.request.classes)] = True
        return Masked(work.student(), mask)
