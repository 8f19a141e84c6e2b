"""Optional fine-tuning after pruning, on retained images only: equations (18) and (19)."""

import copy
import itertools
import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.errors import CancelledError, RequestError
from orthoui.models.device import fast_dtype
from orthoui.models.trained import TrainedModel
from orthoui.training.orthogonality import orthogonality_penalty


class FineTuning(BaseModel):
    """How a pruned network is trained on. The paper gives no values; these are usual ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=3, ge=1, le=50, title="Epochs", description="Most passes over the retained images.")
    learning_rate: float = Field(
        default=0.01, gt=0, le=1, title="Learning rate", description="η₀ of the first epoch."
    )
    decay: float = Field(
        default=0.9, gt=0, le=1, title="Decay", description="γ: every epoch's learning rate is γ times the last."
    )
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0, le=0.1)
    batch_size: int = Field(default=128, ge=2, le=4096, description="images per step")
    patience: int = Field(
        default=2, ge=1, le=50, description="epochs without a better calibration accuracy before stopping"
    )
    freeze_bn: bool = Field(
        default=True,
        title="Keep batch norm statistics",
        description="Otherwise they adapt within a few dozen steps, and scaled filters count as before.",
    )
    keep_penalty: bool = Field(default=False, description="keep the model's orthogonality penalty")
    seed: int = Field(default=0, ge=0, le=2**31 - 1)


class Epoch(BaseModel):
    """One finished epoch of fine-tuning; accuracies on calibration images, percent."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    epochs: int
    loss: float
    accuracy: float


def fine_tune(
    network: nn.Module,
    model: TrainedModel,
    retained: ImageSet,
    settings: FineTuning,
    *,
    accuracy: Callable[[nn.Module], float],
    cancelled: Callable[[], bool] = lambda: False,
    report: Callable[[Epoch], None] = lambda epoch: None,
) -> nn.Module:
    """Return a fine-tuned copy of ``network``, the best epoch's weights, in evaluation mode.

    θ ← θ − η_t ∇L(D_r), equation (18), with η_t = η₀ γ^t, equation (19); stops early when ``accuracy`` (on
    retained calibration images) has not risen for ``patience`` epochs, or when the loss is no longer a number. The
    given network is untouched and never what is returned: it was not fine-tuned. ``retained`` must hold no forgotten
    image. Raises ``CancelledError`` within one step of ``cancelled``, ``RequestError`` when no epoch came to an end.
    """
    if len(retained) < settings.batch_size:
        raise RequestError(
            f"Fine-tuning needs a batch of {settings.batch_size} retained images; there are {len(retained)}."
        )
    tuned = copy.deepcopy(network).requires_grad_(True)
    optimiser = torch.optim.SGD(
        tuned.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, settings.decay)
    generator = torch.Generator().manual_seed(settings.seed)
    penalty = model.card.orthogonality if settings.keep_penalty else 0.0
    best: dict[str, Tensor] | None = None
    best_accuracy, waited = -math.inf, 0
    for epoch in range(settings.epochs):
        _prepare_mode(tuned, freeze_bn=settings.freeze_bn)
        losses = []
        for inputs, labels in _batches(model, retained, settings.batch_size, generator):
            if cancelled():
                raise CancelledError("Fine-tuning was cancelled. The pruned model is unchanged.")
            losses.append(_step(tuned, inputs, labels, optimiser, penalty))
            if not math.isfinite(losses[-1]):
                return _best(tuned, best)
        schedule.step()
        reached = accuracy(tuned.eval())
        report(Epoch(epoch=epoch + 1, epochs=settings.epochs, loss=sum(losses) / len(losses), accuracy=reached))
        if reached > best_accuracy:
            best, best_accuracy, waited = copy.deepcopy(tuned.state_dict()), reached, 0
        elif (waited := waited + 1) >= settings.patience:
            break
    return _best(tuned, best)


def _best(tuned: nn.Module, best: dict[str, Tensor] | None) -> nn.Module:
    if best is None:
        raise RequestError(
            "Fine-tuning went astray in its first epoch: the loss is no longer a number. Choose a lower learning "
            "rate, or let the batch norm statistics adapt. The pruned model is unchanged."
        )
    tuned.load_state_dict(best)
    return tuned.eval().requires_grad_(False)


def _prepare_mode(network: nn.Module, *, freeze_bn: bool) -> None:
    network.train()
    if freeze_bn:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def _batches(
    model: TrainedModel, images: ImageSet, size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(images), generator=generator)
    for start, stop in itertools.pairwise(range(0, len(images) + 1, size)):
        part = order[start:stop]
        yield model.prepare(images.images[part]), images.labels[part].to(model.device)


def _step(
    network: nn.Module, inputs: Tensor, labels: Tensor, optimiser: torch.optim.Optimizer, penalty: float
) -> float:
    low = fast_dtype(inputs.device)
    with torch.autocast(inputs.device.type, dtype=low, enabled=low != torch.float32):
        logits = network(inputs)
    loss = F.cross_entropy(logits.float(), labels)
    total = loss + penalty * orthogonality_penalty(network) if penalty else loss
    optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(loss.detach())
