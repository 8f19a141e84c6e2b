"""Class-discriminative pruning: channels are words, classes are documents; the class's own words are cut out."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from orthoui.data import balanced_positions
from orthoui.methods.base import method
from orthoui.methods.filters import Chosen, how_many, scale_filters
from orthoui.methods.fine_tune import retrain_on_retained
from orthoui.methods.optimise import Schedule, TrainingRequest
from orthoui.methods.work import Work
from orthoui.models.anatomy import hooked
from orthoui.models.sharing import sharing_copy

Ranking = Literal["global", "layer"]
SCORING_BATCH = 256


class TfidfRequest(TrainingRequest):
    """Defaults of the public copies of the authors' code for CIFAR-10; CIFAR-100 with VGG-16 takes 0.13."""

    ratio: float = Field(default=0.05, ge=0, le=0.95, title="Ratio", description="share of the channels cut (R)")
    images: int = Field(
        default=5120, ge=1, le=1_000_000, title="Images", description="training images of all classes scored"
    )
    ranking: Ranking = Field(
        default="global",
        title="Ranking",
        description="global: scores of all layers in one list, narrow ones favoured; layer: the same share of each",
    )
    balance: float = Field(
        default=0.0,
        ge=0,
        le=10_000,
        title="Balance",
        description="evens out wide and narrow layers: term frequencies times log(e·width/balance); 0 is off",
    )
    norms: bool = Field(
        default=True,
        title="Batch norms too",
        description="also zeroes γ and β; without, a cut channel still emits a constant",
    )
    compat: bool = Field(
        default=False,
        title="As in the public code",
        description="as circulating copies: cuts the channels of the lowest scores, against the paper, and no γ or β",
    )
    epochs: int = Field(default=10, ge=0, le=200, title="Epochs", description="of fine-tuning on retained images")
    learning_rate: float = Field(default=0.1, ge=0, le=10, title="Learning rate", description="of the first step")
    schedule: Schedule = Field(
        default="cosine", title="Schedule", description="course of the learning rate; none is published"
    )


@method(
    "tfidf-pruning",
    title="TF-IDF pruning",
    source="Wang, Guo, Xie and Qi, WWW 2022 (arXiv 2110.11794)",
    summary="Cuts the channels that speak for the class more than for others, then fine-tunes.",
    request=TfidfRequest,
    needs={"forget images", "retain images", "gradients"},
    departs="the schedule, a usual one as none is published, and the batch norms, which the public code does not cut",
)
def tfidf_pruning(work: Work) -> nn.Module:
    """Score, zero the marked filters, and fine-tune on the retained images with the mask kept."""
    request, anatomy, student = work.asked(TfidfRequest), work.model.anatomy, work.student()
    norms = request.norms and not request.compat
    with work.stage("statistics"):
        means = class_means(work, request.images)
    with work.stage("edit"):
        scores = {name: tfidf(of, request.classes, request.balance) for name, of in means.items()}
        chosen = marked(scores, request.ratio, request.ranking, lowest=request.compat)
        scale_filters(student, anatomy, chosen, 0.0, norms=norms)

    def keep_mask() -> None:
        # momentum and decay move masked weights even where gradients are zero
        scale_filters(student, anatomy, chosen, 0.0, norms=norms)

    with work.stage("optimisation"):
        retrain_on_retained(work, student, request, after_step=keep_mask)
    return student


@torch.no_grad()
def class_means(work: Work, images: int) -> dict[str, Tensor]:
    """Return F, float64 (classes, channels) by layer: the mean over images and places of ReLU(convolution).

    Not the spatial maximum that soft pruning reads. Evaluation mode, no augmentation, float32 passes.
    """
    network, anatomy, train = sharing_copy(work.model.network).eval(), work.model.anatomy, work.data["train"]
    chosen = train.subset(balanced_positions(train.labels, max(1, images // work.classes), work.request.seed))
    sums = {layer.name: torch.zeros(work.classes, layer.channels, dtype=torch.float64) for layer in anatomy.layers}
    counts = torch.bincount(chosen.labels, minlength=work.classes).clamp(min=1)
    read: dict[str, Tensor] = {}

    def reader(name: str) -> object:
        def hook(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            read[name] = F.relu(output).mean((2, 3))  # (N, K); out of place, the next layer reads the output

        return hook

    with hooked(network, {name: reader(name) for name in sums}):
        for batch in work.batches(chosen, SCORING_BATCH, shuffle=False):
            work.forward_passes += len(batch)
            network(batch.inputs)
            for name, values in read.items():
                sums[name].index_add_(0, batch.labels.cpu(), values.cpu().double())
    return {name: total / counts[:, None] for name, total in sums.items()}


def term_frequency(means: Tensor, balance: float = 0.0) -> Tensor:
    """Return TF (classes, K): a channel's share of all the layer's activation for a class; 0 in a dead layer.

    With ``balance`` > 0 it is multiplied by log(e·K/balance).
    """
    totals = means.sum(1, keepdim=True)
    share = torch.where(totals > 0, means / totals.clamp(min=torch.finfo(means.dtype).tiny), 0.0)
    return share * math.log(math.e * means.shape[1] / balance) if balance else share


def inverse_frequency(means: Tensor) -> Tensor:
    """Return IDF (K,): log(C / (1 + number of classes that reach the channel's mean over classes))."""
    reached = (means >= means.mean(0)).sum(0)
    return torch.log(len(means) / (1.0 + reached))


def tfidf(means: Tensor, forget: tuple[int, ...], balance: float = 0.0) -> Tensor:
    """Return the score TF·IDF of every channel (K,) of a layer; several forgotten classes are one document."""
    others = [label for label in range(len(means)) if label not in forget]
    documents = torch.cat([means[list(forget)].mean(0, keepdim=True), means[others]])
    return term_frequency(documents, balance)[0] * inverse_frequency(documents)


def marked(scores: dict[str, Tensor], ratio: float, ranking: Ranking, *, lowest: bool = False) -> Chosen:
    """Return the channels to cut, by layer: a share ``ratio`` of all, or of each layer.

    A score of 0 or less says that the channel serves most classes: it is never picked, even if too few remain.
    ``lowest`` reproduces public copies, which pick from the other end and everything.
    """
    if ranking == "layer":
        return {name: _top(of, how_many(len(of), ratio), lowest) for name, of in scores.items()}
    picked = _top(torch.cat(list(scores.values())), how_many(sum(map(len, scores.values())), ratio), lowest)
    chosen, start = {}, 0
    for name, of in scores.items():
        inside = (picked >= start) & (picked < start + len(of))
        chosen[name] = picked[inside] - start
        start += len(of)
    return chosen


def _top(scores: Tensor, count: int, lowest: bool) -> Tensor:
    if lowest:
        return scores.argsort(stable=True)[:count]
    order = scores.argsort(descending=True, stable=True)[:count]
    return order[scores[order] > 0]
