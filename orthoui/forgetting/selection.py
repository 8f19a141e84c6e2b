"""From a profile and a request to a plan: score, sort, cut, attenuate. Microseconds, no network."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from orthoui.errors import RequestError, UnknownNameError
from orthoui.forgetting.activations import ActivationProfile
from orthoui.forgetting.attenuation import ATTENUATIONS
from orthoui.forgetting.plan import LayerPlan, Plan
from orthoui.forgetting.request import ChannelEdit, ForgetRequest
from orthoui.forgetting.scores import SCORES
from orthoui.models.anatomy import Anatomy

ROUNDING = 1e-9
"""Keeps 0.29 · 100, which is just below 29 in floating point, from losing a channel."""


def channel_count(ratio: float, channels: int) -> int:
    """Equation (14): n_l = max(1, ⌊ρ·C_out⌋) channels, none at ρ = 0.

    >>> [channel_count(0.02, c) for c in (16, 64, 512)]
    [1, 1, 10]
    """
    return max(1, int(ratio * channels + ROUNDING)) if ratio > 0 else 0


def layers_in_scope(anatomy: Anatomy, scope: str) -> tuple[str, ...]:
    """Return the layers a scope names, in order. Raises ``UnknownNameError`` for a stage or layer there is not."""
    kind, _, items = scope.partition(":")
    if kind == "all":
        return anatomy.names
    asked = items.split("+")
    if kind == "layers":
        chosen = {anatomy[name].name for name in asked}
        return tuple(name for name in anatomy.names if name in chosen)
    stages = {int(stage) for stage in asked}
    for number in sorted(stages):
        if number not in anatomy.stages:
            raise UnknownNameError("stage", number, anatomy.stages)
    return tuple(layer.name for layer in anatomy.layers if layer.stage in stages)


def make_plan(profile: ActivationProfile, anatomy: Anatomy, request: ForgetRequest) -> Plan:
    """Choose and attenuate channels, layer by layer, equations (9) and (14)–(17).

    All layers are scored on the unmodified network (equation 9). Raises ``RequestError`` when every
    class is to be forgotten or a class, layer or channel does not exist.
    """
    forget, retain = _divide(request.classes, profile.classes)
    rng = np.random.default_rng(request.seed)
    edits = _edits_by_layer(anatomy, request.edits)
    chosen_layers = set(layers_in_scope(anatomy, request.scope))
    plans = {}
    for layer in anatomy.layers:
        means = profile.means[layer.name].astype(np.float64)
        scores = SCORES[request.score](means, forget, retain, rng)
        count = channel_count(request.ratio, layer.channels) if layer.name in chosen_layers else 0
        plan = _plan_layer(scores, count, request)
        if layer.name in edits:
            plan = _edited(plan, edits[layer.name])
        if layer.name in chosen_layers or layer.name in edits:
            plans[layer.name] = plan
    return Plan(request, plans)


def _plan_layer(scores: NDArray[np.float64], count: int, request: ForgetRequest) -> LayerPlan:
    ranked = np.argsort(-scores, kind="stable")[:count]  # ties go to the lower channel, equation (15)
    keep = 1 - ATTENUATIONS[request.attenuation](count, request.strength)
    return LayerPlan(ranked, keep, scores, float(scores[ranked[-1]]) if count else None)


def _edited(plan: LayerPlan, edits: Sequence[ChannelEdit]) -> LayerPlan:
    kept = dict(zip(plan.channels.tolist(), plan.keep.tolist(), strict=True))
    kept |= {edit.channel: edit.keep for edit in edits}
    return LayerPlan(np.array(list(kept), dtype=np.int64), np.array(list(kept.values())), plan.scores, plan.cut)


def _divide(forget: Sequence[int], classes: int) -> tuple[list[int], list[int]]:
    outside = [label for label in forget if label >= classes]
    if outside:
        raise UnknownNameError("class", outside[0], range(classes))
    retain = [label for label in range(classes) if label not in forget]
    if not retain:
        raise RequestError(
            f"All {classes} classes cannot be forgotten: nothing would be left to keep. "
            f"Choose between 1 and {classes - 1} of them."
        )
    return list(forget), retain


def _edits_by_layer(anatomy: Anatomy, edits: Sequence[ChannelEdit]) -> dict[str, list[ChannelEdit]]:
    grouped: dict[str, list[ChannelEdit]] = {}
    for edit in edits:
        channels = anatomy[edit.layer].channels
        if edit.channel >= channels:
            raise RequestError(
                f"Layer {edit.layer} has no channel {edit.channel}; its channels are 0 to {channels - 1}."
            )
        grouped.setdefault(edit.layer, []).append(edit)
    return grouped
