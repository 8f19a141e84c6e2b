"""Bad Teacher: an untrained network teaches the class, the original teaches everything else."""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.methods.base import method
from orthoui.methods.optimise import Optimiser, TrainingRequest, steps_in, train_epochs, training_batches
from orthoui.methods.work import Batch, Work
from orthoui.models.architectures import build


class BadTeacherRequest(TrainingRequest):
    """Defaults of the SSD repository: one epoch of Adam over the class and 30 % of the rest."""

    epochs: int = Field(default=1, ge=0, le=200, title="Epochs", description="passes over the images it uses")
    learning_rate: float = Field(default=1e-4, ge=0, le=10, title="Learning rate", description="of the first step")
    batch_size: int = Field(default=256, ge=2, le=4096, title="Batch size", description="images per step")
    optimiser: Optimiser = Field(default="adam", title="Optimiser", description="rule of the steps")
    weight_decay: float = Field(default=0, ge=0, le=1, title="Weight decay", description="of all weights")
    temperature: float = Field(
        default=1, gt=0, le=100, title="Temperature τ", description="divides all logits before they are compared"
    )
    retain_share: float = Field(
        default=0.3, ge=0, le=1, title="Share of retained images", description="drawn once, of all retained images"
    )
    compat: bool = Field(
        default=False,
        title="As the authors' code",
        description="the loss is also divided by the number of classes, and the student stays in evaluation mode",
    )


@method(
    "bad-teacher",
    title="Bad Teacher",
    source="Chundawat, Tarun, Mandal and Kankanhalli, AAAI 2023 (arXiv 2205.08096)",
    summary="Learns the class from a network that knows nothing, and all else from the original.",
    request=BadTeacherRequest,
    needs={"forget images", "retain images", "gradients"},
    departs="size of the loss and batch norms: the published code divides it by the number of classes, and leaves "
    "the student in evaluation mode",
)
def bad_teacher(work: Work) -> nn.Module:
    """Distil from two frozen teachers: the original on retained images, an untrained network on the class."""
    request, student = work.asked(BadTeacherRequest), work.student()
    original, untrained = work.model.network, incompetent(work)
    positions = pool(work, request.retain_share)
    forgotten = torch.tensor(request.classes, device=work.device)

    def loss_of(batch: Batch) -> Tensor:
        if request.compat:  # its loop sets no mode: the student keeps the one in which models lie here
            student.train(original.training)
        with torch.no_grad():
            competent, incapable = (work.logits(teacher, batch.inputs) for teacher in (original, untrained))
        target = teaching(competent, incapable, torch.isin(batch.labels, forgotten), request.temperature)
        return distance(work.logits(student, batch.inputs), target, request.temperature, per_class=request.compat)

    with work.stage("optimisation"):
        steps = steps_in(len(positions), request.batch_size)
        train_epochs(
            work, student, request, lambda: training_batches(work, positions, request.batch_size), steps, loss_of
        )
    return student


def incompetent(work: Work) -> nn.Module:
    """Return an untrained network of the model's architecture, in evaluation mode, gradients off."""
    card = work.model.card
    network = build(card.architecture, len(card.classes), card.width)
    return network.to(work.device).to(memory_format=torch.channels_last).eval().requires_grad_(False)


def pool(work: Work, share: float) -> Tensor:
    """Return the positions, among all training images, of the class and of a seeded share of the rest."""
    of_class = torch.isin(work.data["train"].labels, torch.tensor(work.request.classes))
    retained = torch.nonzero(~of_class).flatten()
    drawn = torch.randperm(len(retained), generator=work.generator)[: round(share * len(retained))]
    return torch.cat([torch.nonzero(of_class).flatten(), retained[drawn]])


def teaching(competent: Tensor, incapable: Tensor, forgotten: Tensor, temperature: float) -> Tensor:
    """Return the targets (N, classes): softmax(T_d/τ) where ``forgotten`` (N,), softmax(T_c/τ) elsewhere."""
    return (torch.where(forgotten[:, None], incapable, competent) / temperature).softmax(1)


def distance(logits: Tensor, target: Tensor, temperature: float, *, per_class: bool = False) -> Tensor:
    """Return the mean over images of KL(target ‖ softmax(logits/τ)); ``per_class`` divides by the classes too."""
    divergence = F.kl_div((logits / temperature).log_softmax(1), target, reduction="batchmean")
    return divergence / target.shape[1] if per_class else divergence
