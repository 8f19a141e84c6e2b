"""Orthogonal Soft Pruning, the method this project is about, as one method among the others; and its control."""

import itertools

import numpy as np
from pydantic import Field
from torch import nn

from orthoui.forgetting.activations import ActivationProfile
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.finetuning import Epoch, FineTuning, fine_tune
from orthoui.forgetting.profiles import measure
from orthoui.forgetting.request import ForgetRequest, Score
from orthoui.forgetting.selection import make_plan
from orthoui.methods.base import MethodRequest, method
from orthoui.methods.optimise import NormMode
from orthoui.methods.work import Work

SOURCE = "Gong, Yang and Tang, 2025 (arXiv 2506.19891)"
READINGS = "how strength fades with rank and where responses are read, which the paper leaves open"


class SoftPruningRequest(ForgetRequest, MethodRequest):
    """The request of the Forget page; its defaults are the paper's."""


class RandomChannelsRequest(SoftPruningRequest):
    """The same with channels drawn at random."""

    score: Score = Field(default="random", title="Score", description="random: a control that looks at nothing")


class TunedPruningRequest(SoftPruningRequest):
    """Pruning, then equations (18) and (19) for a few epochs, exactly as on the Forget page."""

    tuning_epochs: int = Field(
        default=3, ge=1, le=50, title="Epochs of fine-tuning", description="at most; the best of them is kept"
    )
    tuning_rate: float = Field(
        default=0.01, gt=0, le=1, title="Learning rate", description="η₀; every epoch's is nine tenths of the last"
    )
    batch_size: int = Field(default=128, ge=2, le=4096, title="Batch size", description="images per step")
    bn_mode: NormMode = Field(
        default="eval", title="Batch norms", description="train: they adapt, and scaled filters count as before"
    )


@method(
    "soft-pruning",
    title="Soft pruning",
    source=SOURCE,
    summary="Scales down the few channels that respond to the class; no training.",
    request=SoftPruningRequest,
    needs={"forget images", "retain images"},
    departs=READINGS,
)
def soft_pruning(work: Work) -> nn.Module:
    """Profile, plan and apply: equations (11) to (17)."""
    return _pruned(work, work.asked(SoftPruningRequest))


@method(
    "random-channels",
    title="Random channels",
    source="Null control of soft pruning",
    summary="Scales down as many channels, drawn at random: what the choice of channels is worth.",
    request=RandomChannelsRequest,
    needs=set(),
    forgets=False,
    control=True,
)
def random_channels(work: Work) -> nn.Module:
    """Prune channels that were not looked at."""
    return _pruned(work, work.asked(RandomChannelsRequest))


@method(
    "soft-pruning-tuned",
    title="Soft pruning, fine-tuned",
    source=SOURCE,
    summary="Soft pruning, then a few epochs on the retained images.",
    request=TunedPruningRequest,
    needs={"forget images", "retain images", "held-out images", "gradients"},
    departs=f"{READINGS}; and but for rate, batch size, patience and batch norms of the fine-tuning, which are usual "
    "ones as none are published",
)
def soft_pruning_tuned(work: Work) -> nn.Module:
    """Prune, then fine-tune on the retained images; calibration images without the classes choose the epoch."""
    request = work.asked(TunedPruningRequest)
    pruned = _pruned(work, request)
    settings = FineTuning(
        epochs=request.tuning_epochs,
        learning_rate=request.tuning_rate,
        batch_size=request.batch_size,
        freeze_bn=request.bn_mode == "eval",
        seed=request.seed,
    )
    held_out = work.held_out.without(request.classes)
    steps = request.tuning_epochs * (len(work.retain) // request.batch_size)
    taken = itertools.count(1)

    def before_step() -> bool:
        work.tell(next(taken), steps)  # raises when the run is cancelled
        work.count(request.batch_size, backward=True)
        return False

    def accuracy(network: nn.Module) -> float:
        return 100 * (1 - work.error(network, held_out))

    epochs: list[Epoch] = []
    with work.stage("optimisation"):
        tuned = fine_tune(
            pruned, work.model, work.retain, settings,
            accuracy=accuracy, cancelled=before_step, report=epochs.append,
        )  # fmt: skip
    many = f"{len(epochs)} epochs; the best by calibration accuracy was kept"
    work.notes.append(f"Fine-tuned for {'one epoch' if len(epochs) == 1 else many}.")
    return tuned


def _pruned(work: Work, request: SoftPruningRequest) -> nn.Module:
    model = work.model
    profile = _unread(work) if request.score == "random" else _profile(work, request)
    with work.stage("edit"):
        return pruned_network(model.network, model.anatomy, make_plan(profile, model.anatomy, request))


def _profile(work: Work, request: SoftPruningRequest) -> ActivationProfile:
    images = work.data["train"]
    per_class = min(request.images_per_class, max(1, len(images) // work.classes))
    with work.stage("statistics"):
        profile = measure(work.model, images, per_class, request.read_at, request.seed)
    work.count(per_class * work.classes)
    return profile


def _unread(work: Work) -> ActivationProfile:
    """Return a profile of no images, for a score that looks at none."""
    layers = work.model.anatomy.layers
    nothing = {layer.name: np.zeros((work.classes, layer.channels), np.float32) for layer in layers}
    return ActivationProfile(nothing, work.classes)
