"""SCRUB: stay close to the original on the retained images, move away from it on the class; and its rewinding."""

import copy
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.methods.base import method
from orthoui.methods.optimise import TrainingRequest, make_optimiser, make_schedule, set_mode, steps_in
from orthoui.methods.work import Batch, Work

SOURCE = "Kurmanji, Triantafillou, Hayes and Triantafillou, NeurIPS 2023 (arXiv 2302.09880)"
RATE_DROPS = (3, 5, 9)
"""Epochs after which the published code takes a tenth of the learning rate."""


class ScrubRequest(TrainingRequest):
    """Defaults of the paper's large-scale CIFAR-10 experiments."""

    epochs: int = Field(default=3, ge=0, le=200, title="Epochs", description="passes over the retained images")
    ascent_epochs: int = Field(
        default=2, ge=0, le=200, title="Ascent epochs", description="first epochs that also visit the class"
    )
    learning_rate: float = Field(default=5e-4, ge=0, le=10, title="Learning rate", description="of the first step")
    rate_drops: bool = Field(
        default=True, title="Rate drops", description="a tenth of the learning rate after epochs 3, 5 and 9"
    )
    forget_batch_size: int = Field(
        default=32, ge=2, le=4096, title="Forget batch size", description="images of the class per step"
    )
    label_weight: float = Field(
        default=0.99, ge=0, le=100, title="Label weight γ", description="of the cross entropy on retained images"
    )
    distillation_weight: float = Field(
        default=0.001,
        ge=0,
        le=100,
        title="Distillation weight α",
        description="of the distance to the original on retained images",
    )
    temperature: float = Field(
        default=4, gt=0, le=100, title="Temperature T", description="divides all logits before they are compared"
    )
    rewind: bool = Field(
        default=False,
        title="Rewind",
        description="SCRUB+R: return to the epoch whose error on the class is nearest to that on unseen images of it",
    )


class ScrubRewindRequest(ScrubRequest):
    """The variant for privacy: the class should be as unknown as images of it that were never seen, not more."""

    rewind: bool = Field(
        default=True,
        title="Rewind",
        description="return to the epoch whose error on the class is nearest to that on unseen images of it",
    )


@method(
    "scrub",
    title="SCRUB",
    source=SOURCE,
    summary="A student that follows the original on everything else and departs from it on the class.",
    request=ScrubRequest,
    needs={"forget images", "retain images", "gradients"},
    search={"learning_rate": (8e-5, 2e-4, 5e-4), "ascent_epochs": (1, 2)},
)
def scrub(work: Work) -> nn.Module:
    """Alternate passes away from the teacher on the class and towards teacher and labels on the rest."""
    return _scrubbed(work, work.asked(ScrubRequest))


@method(
    "scrub-r",
    title="SCRUB+R",
    source=SOURCE,
    summary="SCRUB, then back to the epoch at which the class looks like images that were never seen.",
    request=ScrubRewindRequest,
    needs={"forget images", "retain images", "held-out images", "gradients"},
)
def scrub_rewind(work: Work) -> nn.Module:
    """SCRUB with a checkpoint per epoch, rewound at the end."""
    return _scrubbed(work, work.asked(ScrubRewindRequest))


def departure(work: Work, logits: Tensor, batch: Batch, temperature: float) -> Tensor:
    """Return K_T of a student's ``logits``: T² KL(softmax(t/T) ‖ softmax(s/T)), mean over the batch.

    t is what the original answers. Zero with zero gradient where both answer alike, as in evaluation mode at the
    start: the first step away moves because the student's batch norms see the batch and the teacher's do not.
    """
    with torch.no_grad():
        taught = (work.logits(work.model.network, batch.inputs) / temperature).log_softmax(1)
    answered = (logits / temperature).log_softmax(1)
    return temperature**2 * F.kl_div(answered, taught, reduction="batchmean", log_target=True)


def _scrubbed(work: Work, request: ScrubRequest) -> nn.Module:
    student = work.student()
    with work.stage("optimisation"):
        checkpoints = [
            copy.deepcopy(student.state_dict()) for _ in alternate(work, student, request) if request.rewind
        ]
        if checkpoints:
            rewind(work, student, checkpoints)
    return student


def alternate(work: Work, student: nn.Module, request: ScrubRequest) -> Iterator[int]:
    """Train epoch by epoch and yield the number of each, from 1, when it is over; one optimiser for both losses."""
    away = steps_in(len(work.forget), request.forget_batch_size)
    along = steps_in(len(work.retain), request.batch_size)
    steps = request.epochs * along + min(request.epochs, request.ascent_epochs) * away
    optimiser = make_optimiser(student.parameters(), request)
    schedule = make_schedule(optimiser, request.schedule, steps)
    done = 0

    def away_loss(batch: Batch) -> Tensor:
        return -departure(work, work.logits(student, batch.inputs), batch, request.temperature)

    def along_loss(batch: Batch) -> Tensor:
        logits = work.logits(student, batch.inputs)
        apart = departure(work, logits, batch, request.temperature)
        return request.label_weight * F.cross_entropy(logits, batch.labels) + request.distillation_weight * apart

    def one_pass(images: ImageSet, size: int, loss_of: Callable[[Batch], Tensor]) -> None:
        nonlocal done
        for batch in work.batches(images, size, augmented=True):
            loss = loss_of(batch)
            work.step(loss, optimiser, len(batch))
            schedule.step()
            done += 1
            work.tell(done, steps, loss.detach())

    for epoch in range(1, request.epochs + 1):
        if request.rate_drops and epoch - 1 in RATE_DROPS:
            for group in optimiser.param_groups:
                group["lr"] *= 0.1
        set_mode(student, request.bn_mode)
        if epoch <= request.ascent_epochs:
            one_pass(work.forget, request.forget_batch_size, away_loss)
        one_pass(work.retain, request.batch_size, along_loss)
        yield epoch


def rewind(work: Work, student: nn.Module, checkpoints: list[dict[str, Tensor]]) -> None:
    """Load the checkpoint whose error on the class is closest to the last one's on held-out images of the class.

    Of equally close ones the last is taken. For a class, the reference is the error of a model that is forgetting
    it, so that held-out images of it must exist; without any, the last checkpoint stays, and a note says so.
    """
    held_out = work.held_out.subset(
        torch.nonzero(torch.isin(work.held_out.labels, torch.tensor(work.request.classes))).flatten()
    )
    if not len(held_out):
        work.notes.append("Not rewound: there are no held-out images of the class to compare with.")
        return
    errors = []
    for checkpoint in checkpoints:
        student.load_state_dict(checkpoint)
        errors.append(work.error(student, work.forget))
    target = work.error(student, held_out)
    chosen = closest(errors, target)
    student.load_state_dict(checkpoints[chosen])
    work.notes.append(
        f"Rewound to epoch {chosen + 1} of {len(errors)}: error {errors[chosen]:.1%} on the class, "
        f"{target:.1%} on held-out images of it at the end."
    )


def closest(errors: list[float], target: float) -> int:
    """Return the position of the error closest to ``target``; the last one of several."""
    return min(range(len(errors)), key=lambda number: (abs(errors[number] - target), -number))
