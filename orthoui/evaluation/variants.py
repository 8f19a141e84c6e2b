"""The networks that are compared for one request: before, after, its controls, and the retrained reference."""

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from orthoui.evaluation.predictions import Predictor
from orthoui.evaluation.records import recorded
from orthoui.forgetting.activations import ActivationProfile
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.halves import where_to_cut
from orthoui.models.trained import TrainedModel

Variant = Literal["before", "after", "retrained", "random", "mask"]

CONTROL_DRAW = 1
"""Keeps the control's draw apart from the draw of the profile's images, which has the same seed."""

ORIGINAL = "original"
"""Digest of the variant in which nothing is changed."""


def original(model: TrainedModel, cut: str | None = None) -> Predictor:
    """Return the predictor of a model as it was trained; with the ``cut`` of a plan they share their first half."""
    return Predictor(model, lambda: model.network, ORIGINAL, recorded=lambda images: recorded(model, images), cut=cut)


def planned(model: TrainedModel, plan: Plan) -> Predictor:
    """Return the predictor of a model with a plan applied; the plan that changes nothing is the original."""
    if plan.touched_channels == 0:
        return original(model)
    make = partial(pruned_network, model.network, model.anatomy, plan)
    return Predictor(model, make, plan.digest, cut=where_to_cut(model.network, model.anatomy, plan.touched))


def random_control(model: TrainedModel, profile: ActivationProfile, request: ForgetRequest) -> Plan:
    """Return the plan of the null control: in every layer as many channels, as strongly scaled, drawn at random."""
    plan = make_plan(profile, model.anatomy, request)
    rng = np.random.default_rng((request.seed, CONTROL_DRAW))
    layers = {
        name: replace(layer, channels=rng.permutation(len(layer.scores))[: len(layer.channels)], cut=None)
        for name, layer in plan.layers.items()
    }
    return Plan(request, layers)
