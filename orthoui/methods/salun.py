"""SalUn: random labels, but only the weights with the largest gradient on the class may move."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import floor

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.methods.base import method
from orthoui.methods.importance import each_gradient, summed
from orthoui.methods.optimise import TrainingRequest, make_optimiser, steps_in, train_epochs, training_batches
from orthoui.methods.relabel import any_labels, relabelled
from orthoui.methods.work import Batch, Work


class SalUnRequest(TrainingRequest):
    """Defaults of the official example for CIFAR-10 (10 % of the images at random)."""

    epochs: int = Field(default=10, ge=0, le=200, title="Epochs", description="passes over all images")
    learning_rate: float = Field(
        default=0.013,
        ge=0,
        le=10,
        title="Learning rate",
        description="of the first step; for a class try 0.001 to 0.02",
    )
    batch_size: int = Field(default=256, ge=2, le=4096, title="Batch size", description="images per step")
    share: float = Field(
        default=0.5, ge=0, le=1, title="Share of weights q", description="of all parameters, that may move"
    )
    retain_weight: float = Field(
        default=1, ge=0, le=1000, title="Retain weight α", description="of the loss on retained images"
    )
    compat: bool = Field(
        default=False,
        title="As the authors' CIFAR-10 code",
        description="the class first, then the rest; new labels in every batch, the true one among them",
    )


@method(
    "salun",
    title="SalUn",
    source="Fan, Liu, Zhang, Wong, Wei and Liu, ICLR 2024 (arXiv 2310.12508)",
    summary="Teaches wrong labels for the class, but moves only the weights that matter most for it.",
    request=SalUnRequest,
    needs={"forget images", "retain images", "gradients"},
    departs="wrong labels and order, which are the paper's: the code for CIFAR-10 shows the class first and may draw "
    "the true label",
)
def salun(work: Work) -> nn.Module:
    """Find the salient weights, then train with random labels on the class; the other weights stay bit for bit."""
    request, student = work.asked(SalUnRequest), work.student()
    size = request.batch_size
    if request.compat:
        steps = steps_in(len(work.forget), size) + steps_in(len(work.retain), size)
    else:
        steps = steps_in(len(work.data["train"]), size)
    with work.stage("statistics"):
        gradients = each_gradient(
            work, student, work.forget, size, lambda batch: work.tell(0, request.epochs * steps)
        )
        masks = salient([part.abs() for part in summed(gradients)], request.share)
    with work.stage("optimisation"):
        optimiser = make_optimiser(student.parameters(), request)
        freeze = Freeze(optimiser, masks)
        train_epochs(
            work,
            student,
            request,
            epoch_batches(work, request),
            steps,
            lambda batch: relabelled_loss(work, student, batch, request.retain_weight),
            optimiser=optimiser,
            after_step=freeze.restore,
        )
    return student


def salient(saliency: list[Tensor], share: float) -> list[Tensor]:
    """Return Boolean masks with exactly ⌊qN⌋ ones in all: where the saliency is largest; of equals the first."""
    flat = torch.cat([part.flatten() for part in saliency])
    mask = torch.zeros_like(flat, dtype=torch.bool)
    mask[torch.argsort(flat, descending=True, stable=True)[: floor(share * len(flat))]] = True
    parts = torch.split(mask, [part.numel() for part in saliency])
    return [part.view_as(like) for part, like in zip(parts, saliency, strict=True)]


class Freeze:
    """Keeps all weights outside the masks bit for bit at what they are now.

    Masking gradients would not be enough: weight decay and momentum move weights too. So these weights are put back
    after every step and their momentum is cleared, which does for gradients as well: the steps of SGD and Adam treat
    every weight by itself.
    """

    def __init__(self, optimiser: torch.optim.Optimizer, masks: list[Tensor]) -> None:
        self._optimiser, self._masks = optimiser, masks
        self._weights: list[Tensor] = [part for group in optimiser.param_groups for part in group["params"]]
        self._originals = [part.detach().clone() for part in self._weights]

    @torch.no_grad()
    def restore(self) -> None:
        """Undo what the last step did to masked-out weights and to what the optimiser remembers of them."""
        for weights, mask, original in zip(self._weights, self._masks, self._originals, strict=True):
            torch.where(mask, weights, original, out=weights)
            for remembered in self._optimiser.state[weights].values():
                if isinstance(remembered, Tensor) and remembered.shape == mask.shape:
                    remembered.mul_(mask)


def epoch_batches(work: Work, request: SalUnRequest) -> Callable[[], Iterator[Batch]]:
    """Return what makes the batches of an epoch: the class with wrong labels among the retained images.

    The labels are drawn once and all images are shuffled together. The published code for CIFAR-10 goes through the
    class first and draws the labels of every batch anew, from all classes.
    """
    train = work.data["train"]
    if request.compat:
        of_class = torch.isin(train.labels, torch.tensor(request.classes))
        first, second = torch.nonzero(of_class).flatten(), torch.nonzero(~of_class).flatten()

        def in_turn() -> Iterator[Batch]:
            for batch in training_batches(work, first, request.batch_size):
                drawn = any_labels(len(batch), work.classes, work.generator)
                yield replace(batch, labels=drawn.to(work.device))
            yield from training_batches(work, second, request.batch_size)

        return in_turn
    labels = relabelled(train.labels, work.classes, request.classes, work.generator)

    def together() -> Iterator[Batch]:
        for batch in work.batches(train, request.batch_size, augmented=True):
            yield replace(batch, labels=labels[batch.positions].to(work.device))

    return together


def relabelled_loss(work: Work, student: nn.Module, batch: Batch, retain_weight: float) -> Tensor:
    """Return the mean cross entropy with the batch's labels, retained images weighted by ``retain_weight``."""
    losses = F.cross_entropy(work.logits(student, batch.inputs), batch.labels, reduction="none")
    of_class = torch.isin(work.data["train"].labels[batch.positions], torch.tensor(work.request.classes))
    return (losses * torch.where(of_class, 1.0, retain_weight).to(work.device)).mean()
