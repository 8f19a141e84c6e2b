"""Fisher forgetting: noise on every weight, much where the retained images do not need it."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from orthoui.data import ImageSet
from orthoui.methods.base import MethodRequest, method
from orthoui.methods.work import Batch, Work

LARGEST, LARGEST_IN_HEAD = 1e3, 1e2
"""Bounds of 1/h, before the noise scale."""
LOUDER = 10
"""Factor of the variance in the last layer and in one-dimensional tensors."""
ROW_VARIANCE = 1e-4
"""Variance of the forgotten class's row of the classifier, around 0."""


class FisherRequest(MethodRequest):
    """Defaults of the published code, but for the number of images: it reads every retained one, which is slow."""

    noise: float = Field(
        default=1e-6,
        ge=0,
        le=1,
        title="Noise scale a",
        description="a weight that nothing needs gets 1,000 times it as variance",
    )
    reset_row: bool = Field(
        default=True, title="Reset the class's row", description="draw the classifier's weights of the class anew"
    )
    images_per_class: int = Field(
        default=50,
        ge=1,
        le=10_000,
        title="Retained images",
        description="of each class that the information is measured on; one pass per class and image",
    )
    batch_size: int = Field(
        default=8, ge=1, le=256, title="Batch size", description="images whose gradients are in memory at once"
    )
    compat: bool = Field(
        default=False,
        title="As published",
        description="as the code: every tensor with C rows counts as the last layer, the new row's variance is 1e-3",
    )


@method(
    "fisher-forgetting",
    title="Fisher forgetting",
    source="Golatkar, Achille and Soatto, CVPR 2020 (arXiv 1911.04933)",
    summary="Blurs every weight by as much as the other classes can bear, and draws the class's output anew.",
    request=FisherRequest,
    needs={"retain images", "gradients", "classifier head"},
    departs="the number of retained images: the published code reads all of them, one pass per class and image",
    search={"noise": (1e-8, 1e-7, 1e-6)},
)
def fisher_forgetting(work: Work) -> nn.Module:
    """Add N(0, v) to every weight, v from the expected Fisher information of the retained images."""
    request, student = work.asked(FisherRequest), work.student().eval()
    with work.stage("statistics"):
        images = _sample(work, request.images_per_class)
        information = expected_fisher(work, student, images, request.batch_size)
    with work.stage("edit"):
        add_noise(work, student, information, request)
    return student


def expected_fisher(work: Work, network: nn.Module, images: ImageSet, batch_size: int) -> dict[str, Tensor]:
    """Return h per parameter: the mean over images of Σ_y p_y (∂ℓ_y)², every image by itself, evaluation mode."""
    weights = {name: part.detach() for name, part in network.named_parameters()}
    buffers = dict(network.named_buffers())

    def loss(weights: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        logits = functional_call(network, (weights, buffers), (image[None],))
        return F.cross_entropy(logits.float(), label[None])

    slopes_of = vmap(grad(loss), in_dims=(None, 0, None))
    total = {name: torch.zeros_like(part) for name, part in weights.items()}
    done, passes = 0, len(images) * work.classes
    for batch, label, share in _questions(work, network, images, batch_size):
        slopes = slopes_of(weights, batch.inputs, label)
        for name, slope in slopes.items():
            total[name] += torch.tensordot(share, slope**2, dims=1) / len(images)
        work.forward_passes += len(batch)
        work.backward_passes += len(batch)
        done += len(batch)
        work.tell(done, passes)
    return total


def _questions(
    work: Work, network: nn.Module, images: ImageSet, batch_size: int
) -> Iterator[tuple[Batch, Tensor, Tensor]]:
    """Yield every batch with every label (), and the probability of that label (N,)."""
    for batch in work.batches(images, batch_size, shuffle=False):
        with torch.no_grad():
            shares = work.logits(network, batch.inputs, exact=True).softmax(1)
        for label in range(work.classes):
            yield batch, torch.tensor(label, device=work.device), shares[:, label]


def variance(information: Tensor, noise: float, last: bool) -> Tensor:
    """Return v of a parameter: a · min(1/h, cap), averaged over dimension 1, ×10 for the last layer and vectors."""
    spread = noise * (1 / (information + 1e-8)).clamp(max=LARGEST_IN_HEAD if last else LARGEST)
    if spread.ndim > 1:
        spread = spread.mean(1, keepdim=True).expand_as(information).clone()
    return spread * LOUDER if last or spread.ndim == 1 else spread


@torch.no_grad()
def add_noise(work: Work, network: nn.Module, information: dict[str, Tensor], request: FisherRequest) -> None:
    """Draw every weight anew around its value, in place, from the work's generator."""
    for name, part in network.named_parameters():
        in_head = name.rpartition(".")[0] == work.head
        last = in_head or (request.compat and len(part) == work.classes)
        spread, centre = variance(information[name], request.noise, last), part.clone()
        if request.reset_row and last:
            rows = list(request.classes)
            centre[rows] = 0
            spread[rows] = ROW_VARIANCE * (LOUDER if request.compat else 1)
        drawn = torch.randn(part.shape, generator=work.generator).to(part)
        part.copy_(centre + spread.sqrt() * drawn)


def _sample(work: Work, per_class: int) -> ImageSet:
    """Return up to ``per_class`` retained images of every class, drawn by the seed."""
    order = torch.randperm(len(work.retain), generator=work.generator)
    labels = work.retain.labels[order]
    chosen = [order[labels == label][:per_class] for label in sorted(set(labels.tolist()))]
    return work.retain.subset(torch.cat(chosen))
