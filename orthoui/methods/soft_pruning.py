"""Orthogonal Soft Pruning, the method this project is about, as one method among the others; and its control."""

import copy

from pydantic import Field
from torch import nn

from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.profiles import measure
from orthoui.forgetting.request import ForgetRequest, Score
from orthoui.forgetting.selection import make_plan
from orthoui.methods.base import MethodRequest, method
from orthoui.methods.fine_tune import FineTuneRequest, retrain_on_retained
from orthoui.methods.optimise import NormMode
from orthoui.methods.work import Work

SOURCE = "Gong, Yang and Tang, 2025 (arXiv 2506.19891)"


class SoftPruningRequest(ForgetRequest, MethodRequest):
    """The request of the Forget page; its defaults are the paper's."""


class RandomChannelsRequest(SoftPruningRequest):
    """The same with channels drawn at random."""

    score: Score = Field(default="random", title="Score", description="random: a control that looks at nothing")


class TunedPruningRequest(SoftPruningRequest):
    """Pruning, then equations (18) and (19) for a few epochs."""

    tuning_epochs: int = Field(default=3, ge=0, le=50, title="Epochs of fine-tuning", description="after pruning")
    tuning_rate: float = Field(
        default=0.01, ge=0, le=1, title="Learning rate", description="η₀ of the fine-tuning; it falls to zero"
    )
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
    needs={"forget images", "retain images", "gradients"},
)
def soft_pruning_tuned(work: Work) -> nn.Module:
    """Prune, then fine-tune on the retained images."""
    request = work.asked(TunedPruningRequest)
    student = copy.deepcopy(_pruned(work, request)).requires_grad_(True)
    tuning = FineTuneRequest(
        classes=request.classes,
        seed=request.seed,
        epochs=request.tuning_epochs,
        learning_rate=request.tuning_rate,
        bn_mode=request.bn_mode,
    )
    with work.stage("optimisation"):
        retrain_on_retained(work, student, tuning)
    return student


def _pruned(work: Work, request: SoftPruningRequest) -> nn.Module:
    model, images = work.model, work.data["train"]
    with work.stage("statistics"):
        per_class = min(request.images_per_class, max(1, len(images) // work.classes))
        profile = measure(model, images, per_class, request.read_at, request.seed)
    seen = per_class * work.classes
    work.samples += seen
    work.forward_passes += seen
    with work.stage("edit"):
        return pruned_network(model.network, model.anatomy, make_plan(profile, model.anatomy, request))
