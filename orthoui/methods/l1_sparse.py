"""Fine-tuning with a sparsity term: weights that only the forgotten class needs have nothing to hold them."""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.methods.base import method
from orthoui.methods.fine_tune import FineTuneRequest
from orthoui.methods.optimise import train_on
from orthoui.methods.work import Batch, Work


class L1SparseRequest(FineTuneRequest):
    """Fine-tuning's defaults; the term starts at 5e-4 and fades to zero, as in the authors' code."""

    alpha: float = Field(
        default=5e-4, ge=0, le=1, title="Weight of the ℓ1 term", description="α in the first epoch; it fades linearly"
    )
    plain_epochs: int = Field(
        default=0, ge=0, le=200, title="Plain epochs", description="last epochs without the term (E₀)"
    )


@method(
    "l1-sparse",
    title="ℓ1-sparse fine-tuning",
    source="Jia et al., NeurIPS 2023 (arXiv 2304.04934)",
    summary="Trains on with the retained images and makes weights sparse, so that unused knowledge fades faster.",
    request=L1SparseRequest,
    needs={"retain images", "gradients"},
    forgets=False,
)
def l1_sparse(work: Work) -> nn.Module:
    """Minimise cross entropy on the retained images + α_e‖θ‖₁ over all parameters (arXiv 2304.04934, equation 3)."""
    request, student = work.asked(L1SparseRequest), work.student()
    parameters = list(student.parameters())
    epoch = -1

    def begin(number: int) -> bool:
        nonlocal epoch
        epoch = number
        return False

    def loss_of(batch: Batch) -> Tensor:
        loss = F.cross_entropy(work.logits(student, batch.inputs), batch.labels)
        weight = alpha_in(epoch, request)
        return loss + weight * l1_norm(parameters) if weight else loss

    with work.stage("optimisation"):
        train_on(
            work,
            student,
            request,
            work.retain,
            loss_of,
            augmented=True,
            stop=begin,
        )
    return student


def alpha_in(epoch: int, request: L1SparseRequest) -> float:
    """Return α_e = α(1 − e/(E − E₀)) in epoch e = 0 … E − E₀ − 1, and 0 in the last E₀ epochs."""
    sparse = request.epochs - request.plain_epochs
    return request.alpha * (1 - epoch / sparse) if epoch < sparse else 0.0


def l1_norm(parameters: list[nn.Parameter]) -> Tensor:
    """Return the sum of the magnitudes of all parameters: a number."""
    return torch.stack([part.abs().sum() for part in parameters]).sum()
