"""What single channels see and do: their maps, their filter, their place in a plan, their effect on every class."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.evaluation.accuracy import accuracies
from orthoui.evaluation.arrays import Bools, Ints
from orthoui.evaluation.variants import planned
from orthoui.forgetting.activations import ActivationProfile, read_point
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.request import ForgetRequest, ReadAt, parse_request
from orthoui.forgetting.selection import make_plan
from orthoui.models.anatomy import ConvLayer, hooked
from orthoui.models.room import Room
from orthoui.models.sharing import moved, sharing_copy
from orthoui.models.trained import TrainedModel

Maps = NDArray[np.float32]

FILTER_SLICES = 16
"""Input channels of a filter that are shown: the ones with the largest weights."""


CHANCE = 0.05
"""How often chance alone may make any class change."""


@dataclass(frozen=True, eq=False)
class FilterSlices:
    """A channel's filter: ``weights`` (n, k, k) of the n strongest ``inputs``, of ``total`` input channels."""

    weights: NDArray[np.float32]
    inputs: tuple[int, ...]
    total: int


@dataclass(frozen=True, eq=False)
class ChannelFacts:
    """One channel in a profile and a plan. ``rank`` counts from 1 among ``channels`` by ``score``."""

    layer: ConvLayer
    channel: int
    score: float
    rank: int
    keep: float
    """Fraction kept now, by plan or by hand."""
    planned_keep: float
    """Fraction the plan keeps when nothing is set by hand."""
    by_hand: bool
    responses: NDArray[np.float32]
    """Mean peak response to every class, (classes,)."""


@dataclass(frozen=True)
class ChannelEffect:
    """Accuracy per class with a channel at ``keep`` minus the accuracy at ``baseline``, percentage points.

    ``counts`` are the calibration images per class; a class without images has the change None.
    """

    keep: float
    baseline: float
    changes: tuple[float | None, ...]
    counts: tuple[int, ...]
    beyond_chance: tuple[bool, ...]
    """Whether the same images flipped one way more than a coin would make them: exact McNemar test at 5 %, divided
    by the number of classes."""


@torch.inference_mode()
def activation_maps(
    model: TrainedModel,
    change: Plan | nn.Module | None,
    image: Tensor,
    layer: str,
    read_at: ReadAt = "bn",
    report: Callable[[str], object] = lambda notice: None,
) -> Maps:
    """Return the maps (channels, h, w) of one image, uint8 (C, H, W), after a change; without one: as trained.

    The change is a plan that is applied, or a network of the same build that a method left.

    Read as the activation profile reads them, in float32. Raises ``UnknownNameError`` for an unknown layer.
    The resident network is untouched: hooks live on a copy. ``report`` is told when the device was full.
    """
    point = read_point(model.anatomy[layer], read_at)

    def step(device: torch.device, _: int) -> Tensor:
        placed = model.on(device)
        if isinstance(change, Plan):
            bare = pruned_network(placed.network, model.anatomy, change)
        else:
            bare = sharing_copy(placed.network if change is None else moved(change, device))
        maps: list[Tensor] = []

        def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            maps.append(output[0].clone())  # the rectifier behind may write into the same memory

        with hooked(bare.eval(), {point: keep}):
            bare(placed.prepare(image[None]))
        return maps[-1]

    maps = Room(model.device, report=report).fit(step)
    return _array(maps.clamp(min=0) if read_at == "relu" else maps)


def _array(tensor: Tensor) -> Maps:
    array: Maps = tensor.float().contiguous().cpu().numpy()
    return array


def filter_image(model: TrainedModel, layer: str, channel: int, most: int = FILTER_SLICES) -> FilterSlices:
    """Return a channel's filter, at most ``most`` input channels of it: those with the largest norm, in order."""
    part = checked_layer(model, layer, channel)
    convolution: Any = model.network.get_submodule(part.name)
    weights = _array(convolution.weight.detach()[channel])
    strongest = np.argsort(-np.square(weights).sum(axis=(1, 2)), kind="stable")[:most]
    inputs = np.sort(strongest) if len(weights) <= most else strongest
    return FilterSlices(weights[inputs], tuple(int(number) for number in inputs), len(weights))


def checked_layer(model: TrainedModel, layer: str, channel: int) -> ConvLayer:
    """Return the layer. Raises ``UnknownNameError`` for an unknown one, ``RequestError`` for an unknown channel."""
    part = model.anatomy[layer]
    if not 0 <= channel < part.channels:
        raise RequestError(f"Layer {layer} has no channel {channel}; its channels are 0 to {part.channels - 1}.")
    return part


def with_edit(request: ForgetRequest, layer: str, channel: int, keep: float | None) -> ForgetRequest:
    """Return the request with one channel set by hand to ``keep``; None takes its hand-setting away.

    Raises ``RequestError`` for a fraction outside 0 … 1 or more channels than a request can hold.
    """
    edits = [edit.model_dump() for edit in request.edits if (edit.layer, edit.channel) != (layer, channel)]
    if keep is not None:
        edits.append({"layer": layer, "channel": channel, "keep": keep})
    return parse_request({**request.model_dump(), "edits": edits})


def describe_channel(
    model: TrainedModel, profile: ActivationProfile, request: ForgetRequest, layer: str, channel: int
) -> ChannelFacts:
    """Return what profile and plan say about one channel, also in a layer that the request leaves alone."""
    part = checked_layer(model, layer, channel)
    scores = layer_scores(model, profile, request, layer)
    order = np.argsort(-scores, kind="stable")
    edits = {(edit.layer, edit.channel) for edit in request.edits}
    by_plan = make_plan(profile, model.anatomy, with_edit(request, layer, channel, None))
    return ChannelFacts(
        layer=part,
        channel=channel,
        score=float(scores[channel]),
        rank=int(np.flatnonzero(order == channel)[0]) + 1,
        keep=make_plan(profile, model.anatomy, request).keep_of(layer, channel),
        planned_keep=by_plan.keep_of(layer, channel),
        by_hand=(layer, channel) in edits,
        responses=profile.means[layer][:, channel],
    )


def layer_scores(
    model: TrainedModel, profile: ActivationProfile, request: ForgetRequest, layer: str
) -> NDArray[np.float64]:
    """Return the request's score of every channel of a layer, (channels,), also outside the request's scope."""
    everywhere = request.model_copy(update={"scope": "all", "edits": ()})
    return make_plan(profile, model.anatomy, everywhere).layers[layer].scores


def differences(profile: ActivationProfile, forget: Sequence[int], layer: str) -> NDArray[np.float64]:
    """Return Δ of every channel of a layer, (channels,): equation (13) of arXiv 2506.19891."""
    means = profile.means[layer].astype(np.float64)
    forgotten, retained = _group_means(means, forget)
    return np.asarray(forgotten - retained)


def response_ratio(
    profile: ActivationProfile, forget: Sequence[int], layer: str, channels: Sequence[int]
) -> float | None:
    """Return how many times as strongly channels respond to the forgotten classes as to the others.

    A ratio of summed mean peaks, each counted as 0 where it is negative, because nothing passes the rectifier
    then; None when no other class excites these channels, so that there is nothing to compare with.
    """
    means = profile.means[layer][:, list(channels)].astype(np.float64).clip(min=0)
    forgotten, retained = (float(group.sum()) for group in _group_means(means, forget))
    return forgotten / retained if retained > 0 else None


def _group_means(
    means: NDArray[np.float64], forget: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    chosen = np.isin(np.arange(len(means)), list(forget))
    return means[chosen].mean(0), means[~chosen].mean(0)


def channel_effect(
    model: TrainedModel,
    data: Dataset,
    request: ForgetRequest,
    layer: str,
    channel: int,
    keep: float,
    baseline: float | None = None,
) -> ChannelEffect:
    """Measure what setting one channel to ``keep`` does to every class, all else as in the request.

    Compared with the channel at ``baseline``; None compares with what the plan itself does with it. Measured
    on calibration images, which were never trained on; test images stay unseen while one tunes by hand.
    """
    checked_layer(model, layer, channel)
    profile = load_or_measure(model, data, request).profile
    plans = [
        make_plan(profile, model.anatomy, with_edit(request, layer, channel, value)) for value in (keep, baseline)
    ]
    images = data["calibration"]
    labels = images.labels.numpy()
    answers = [planned(model, plan).complete(images) for plan in plans]
    now, then = (accuracies(logits, labels, request.classes, "calibration").per_class for logits in answers)
    return ChannelEffect(
        keep=keep,
        baseline=plans[1].keep_of(layer, channel),
        changes=tuple(
            None if one is None or other is None else one.value - other.value
            for one, other in zip(now, then, strict=True)
        ),
        counts=tuple(one.n if one else 0 for one in now),
        beyond_chance=_beyond_chance(
            answers[0].argmax(1) == labels, answers[1].argmax(1) == labels, labels, len(now)
        ),
    )


def _beyond_chance(right: Bools, right_before: Bools, labels: Ints, classes: int) -> tuple[bool, ...]:
    flipped = [(labels == label) & (right != right_before) for label in range(classes)]
    return tuple(
        bool(images.any()) and binomtest(int(right[images].sum()), int(images.sum())).pvalue < CHANCE / classes
        for images in flipped
    )


def channel_in_bar(plan: Plan, low: float, high: float, layer: str | None = None) -> tuple[str, int] | None:
    """Return the channel (layer, number) a histogram bar stands for: of the scores in low … high the highest.

    Looks in one layer or in all layers of the plan; None where no channel has such a score.
    """
    best: tuple[float, str, int] | None = None
    for name, part in plan.layers.items():
        inside = np.where((part.scores >= low) & (part.scores <= high), part.scores, -np.inf)
        place = int(inside.argmax())
        found = float(inside[place])
        if layer in (None, name) and np.isfinite(found) and (best is None or found > best[0]):
            best = (found, name, place)
    return None if best is None else best[1:]
