"""UNSIR (EMNI in the pruning paper): noise that maximises the loss of the class, then impair and repair."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field, TypeAdapter, ValidationError, model_validator
from torch import Tensor, nn

from orthoui.data import ImageSet, balanced_positions
from orthoui.methods.base import method
from orthoui.methods.optimise import Optimiser, OptimiserRequest, TrainingRequest, steps_in, train_epochs
from orthoui.methods.work import Batch, Work, with_none_alone

NOTEBOOK: dict[str, Any] = {
    "noise_images": 256,
    "noise_steps": 40,
    "repeats": 20,
    "images_per_class": 1000,
    "learning_rate": 0.02,
    "repair_rate": 0.01,
    "impair_batch_size": 256,
    "batch_size": 256,
}
"""Settings of the authors' notebook for CIFAR-10 and ResNet-18."""


class UnsirRequest(OptimiserRequest):
    """Defaults of the SSD repository; those of the authors' notebook with ``compat``, where nothing else is said."""

    noise_images: int = Field(
        default=32, ge=1, le=4096, title="Noise images", description="in the noise batch of every class"
    )
    noise_steps: int = Field(
        default=25, ge=0, le=10_000, title="Noise steps", description="steps that the noise is learned for"
    )
    noise_rate: float = Field(
        default=0.1, ge=0, le=10, title="Noise learning rate", description="of Adam, constant, for the noise"
    )
    noise_penalty: float = Field(
        default=0.1, ge=0, le=1e9, title="Noise penalty λ", description="on the sum of squares of a noise image"
    )
    repeats: int = Field(
        default=80, ge=0, le=10_000, title="Repeats", description="times the same noise batch is shown"
    )
    images_per_class: int = Field(
        default=500, ge=1, le=1_000_000, title="Images per class", description="retained images, of every class"
    )
    impair_epochs: int = Field(default=1, ge=0, le=100, title="Impair epochs", description="over noise and images")
    repair_epochs: int = Field(default=1, ge=0, le=100, title="Repair epochs", description="over the images alone")
    learning_rate: float = Field(
        default=1e-4, ge=0, le=10, title="Impair learning rate", description="while noise is shown"
    )
    repair_rate: float = Field(
        default=1e-4, ge=0, le=10, title="Repair learning rate", description="when noise is no longer shown"
    )
    impair_batch_size: int = Field(
        default=32, ge=2, le=4096, title="Impair batch size", description="noise and images per step"
    )
    batch_size: int = Field(default=128, ge=2, le=4096, title="Repair batch size", description="images per step")
    optimiser: Optimiser = Field(default="adam", title="Optimiser", description="rule of the steps")
    weight_decay: float = Field(default=0, ge=0, le=1, title="Weight decay", description="of all weights")
    compat: bool = Field(
        default=False,
        title="As the authors' notebook",
        description="its sizes and rates; all noise is labelled as the first class, and batch norms drift meanwhile",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_the_notebook(cls, fields: Any) -> Any:
        return {**NOTEBOOK, **fields} if isinstance(fields, dict) and _is_on(fields.get("compat")) else fields


def _is_on(switch: object) -> bool:
    """Whether a switch is on that may be written as text; what is neither on nor off is refused by its field."""
    try:
        return TypeAdapter(bool).validate_python(switch)
    except ValidationError:
        return False


@method(
    "unsir",
    title="UNSIR (EMNI)",
    source="Tarun, Chundawat, Mandal and Kankanhalli, IEEE TNNLS 2024 (arXiv 2111.08947)",
    summary="Learns noise that is least like the class, calls it the class, and repairs; sees no image of it.",
    request=UnsirRequest,
    needs={"retain images", "gradients"},
    search={"learning_rate": (1e-4, 1e-3, 3e-3), "repair_rate": (1e-4, 1e-3)},
)
def unsir(work: Work) -> nn.Module:
    """Learn the noise, impair on noise and retained images together, repair on the images."""
    request, student = work.asked(UnsirRequest), work.student()
    kept = work.retain.subset(balanced_positions(work.retain.labels, request.images_per_class, request.seed))
    noisy = request.repeats * request.noise_images * len(request.classes) + len(kept)
    impair = request.impair_epochs * steps_in(noisy, request.impair_batch_size)
    repair = request.repair_epochs * steps_in(len(kept), request.batch_size)
    learned = request.noise_steps * len(request.classes)

    def loss_of(batch: Batch) -> Tensor:
        return F.cross_entropy(work.logits(student, batch.inputs), batch.labels)

    def train(again: TrainingRequest, epoch: Callable[[], Iterator[Batch]], steps: int, done: int, left: int) -> None:
        train_epochs(work, student, again, epoch, steps // max(1, again.epochs), loss_of, done=done, left=left)

    with work.stage("optimisation"):
        noise, labels = learn_noises(work, student, request, impair + repair)
        first = _training(request, request.impair_epochs, request.learning_rate, request.impair_batch_size)
        train(first, lambda: mixed(work, kept, noise, labels, request), impair, learned, repair)
        second = _training(request, request.repair_epochs, request.repair_rate, request.batch_size)
        train(second, lambda: work.batches(kept, request.batch_size), repair, learned + impair, 0)
    return student


def learn_noises(work: Work, student: nn.Module, request: UnsirRequest, left: int) -> tuple[Tensor, Tensor]:
    """Return the noise of all classes (B × classes, 3, H, W) and its labels; ``left`` steps follow.

    The network that it is learned against is the unchanged model in evaluation mode. The notebook's is the student
    in training mode: its weights stay, its batch norms follow the noise.
    """
    against = student.requires_grad_(False) if request.compat else work.model.network
    total = request.noise_steps * len(request.classes) + left
    steps = count(1)
    noises, labels = [], []
    for label in request.classes:
        noises.append(learn_noise(work, against, label, request, lambda: work.tell(next(steps), total)))
        named = request.classes[0] if request.compat else label
        labels.append(torch.full((request.noise_images,), named, device=work.device))
    student.requires_grad_(True)
    return torch.cat(noises), torch.cat(labels)


def learn_noise(
    work: Work, network: nn.Module, label: int, request: UnsirRequest, told: Callable[[], None]
) -> Tensor:
    """Return images (B, 3, H, W), from a normal distribution, that the network least takes for ``label``."""
    side = work.model.card.input_size
    start = torch.randn(request.noise_images, 3, side, side, generator=work.generator).to(work.device)
    noise = start.to(memory_format=torch.channels_last).requires_grad_()
    optimiser = torch.optim.Adam([noise], lr=request.noise_rate)
    for _ in range(request.noise_steps):
        loss = noise_loss(work.logits(network, noise), noise, label, request.noise_penalty)
        work.step(loss, optimiser, len(noise))
        told()
    return noise.detach()


def noise_loss(logits: Tensor, noise: Tensor, label: int, penalty: float) -> Tensor:
    """Return −(1/B) Σ ℓ(N_b, u) + λ (1/B) Σ ‖N_b‖²; the square is a sum over pixels, hence large at first."""
    labels = torch.full((len(noise),), label, device=noise.device)
    return penalty * noise.square().sum((1, 2, 3)).mean() - F.cross_entropy(logits, labels)


def mixed(work: Work, kept: ImageSet, noise: Tensor, labels: Tensor, request: UnsirRequest) -> Iterator[Batch]:
    """Yield one shuffled pass over the same noise, repeated, and the retained images."""
    made = request.repeats * len(noise)
    order = torch.randperm(made + len(kept), generator=work.generator)
    for part in with_none_alone(torch.split(order, request.impair_batch_size)):
        images = work.batch(kept, part[part >= made] - made)
        which = (part[part < made] % len(noise)).to(work.device)
        inputs = torch.cat([noise[which], images.inputs]).contiguous(memory_format=torch.channels_last)
        yield Batch(inputs, torch.cat([labels[which], images.labels]), part)


def _training(request: UnsirRequest, epochs: int, rate: float, batch_size: int) -> TrainingRequest:
    shared = ("classes", "seed", "optimiser", "momentum", "weight_decay", "schedule", "bn_mode")
    fields = {name: getattr(request, name) for name in shared}
    return TrainingRequest(epochs=epochs, learning_rate=rate, batch_size=batch_size, **fields)
