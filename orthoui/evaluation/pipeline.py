"""One forgetting from request to evidence, yielded as it sharpens: the one way through the house."""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from orthoui.data import Dataset, ImageSet, Split
from orthoui.evaluation.accuracy import accuracies, confusion
from orthoui.evaluation.distance import distance_to_reference
from orthoui.evaluation.outcome import Measured, Outcome
from orthoui.evaluation.predictions import Predictions, Predictor, sampling_order
from orthoui.evaluation.privacy import Sides, masked_sides, membership_from, sides_of
from orthoui.evaluation.probabilities import masked_logits
from orthoui.evaluation.records import recorded_twin
from orthoui.evaluation.runner import Logits
from orthoui.evaluation.unlearned import UnlearnedNetwork
from orthoui.evaluation.variants import Variant, original, planned, random_control
from orthoui.forgetting.application import pruned_tensors
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.profiles import MeasuredProfile, load_or_measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.device import fast_dtype, synchronise
from orthoui.models.kinship import difference
from orthoui.models.trained import TrainedModel


def forget(
    model: TrainedModel,
    data: Dataset,
    request: ForgetRequest,
    reference: TrainedModel | None = None,
    split: Split = "test",
    *,
    membership: bool = True,
    control_images: int | None = None,
    unlearned: UnlearnedNetwork | None = None,
) -> Iterator[Outcome]:
    """Forget and measure. Yields outcomes of growing sharpness; the last one is complete.

    First an estimate from a few hundred images, then exact accuracies, then controls, distance and
    membership inference. Stop iterating to stop computing. With ``control_images`` the random-channel control
    stays an estimate from about so many images, and without membership inference: where a person waits, an exact
    control is not worth half the time.
    With ``unlearned`` the network “after” is what another method left, and of the request only the classes count.
    Raises ``RequestError`` for what cannot be asked of this model.
    """
    predictors: dict[Variant, Predictor] = {}
    if unlearned is None:
        measured_profile = load_or_measure(model, data, request)
        outcome = _start(model, data, request, measured_profile, reference, split)
        after = planned(model, outcome.plan)
        predictors["random"] = planned(model, random_control(model, measured_profile.profile, request))
    else:
        outcome = _started_elsewhere(model, data, request, unlearned, reference, split)
        after = unlearned.predictor(model)
    predictors |= {"before": original(model, after.cut), "after": after}
    if reference is not None:
        predictors["retrained"] = original(reference)
    run = _Run(outcome, predictors, data[split])
    yield from run.accuracies(control_images or len(data[split]))
    if reference is not None:
        yield from run.distances(reference)
    if membership:
        attacked: tuple[Variant, ...] = ("after", "before", "retrained")
        if control_images is None:
            attacked = (*attacked, "random")
        for variant in attacked:
            if variant in predictors:
                yield from run.attacks(variant, predictors[variant], data)
    yield replace(run.outcome, complete=True)


def _start(
    model: TrainedModel,
    data: Dataset,
    request: ForgetRequest,
    measured: MeasuredProfile,
    reference: TrainedModel | None,
    split: Split,
) -> Outcome:
    started = time.perf_counter()
    plan = make_plan(measured.profile, model.anatomy, request)
    planned_at = time.perf_counter()
    touched = _touched_parameters(model, plan)
    synchronise(model.device)
    applied_at = time.perf_counter()
    timings = {
        "profile": measured.milliseconds,
        "plan": 1000 * (planned_at - started),
        "apply": 1000 * (applied_at - planned_at),
    }
    outcome = _unmeasured(model, data, plan, reference, split, timings)
    return replace(outcome, touched_parameters=touched, notices=(*measured.notices, *outcome.notices))


def _started_elsewhere(
    model: TrainedModel,
    data: Dataset,
    request: ForgetRequest,
    unlearned: UnlearnedNetwork,
    reference: TrainedModel | None,
    split: Split,
) -> Outcome:
    outcome = _unmeasured(model, data, Plan(request), reference, split, {"unlearn": 1000 * unlearned.seconds})
    return replace(outcome, method=unlearned.method, run=unlearned.run)


def _unmeasured(
    model: TrainedModel,
    data: Dataset,
    plan: Plan,
    reference: TrainedModel | None,
    split: Split,
    timings: dict[str, float],
) -> Outcome:
    return Outcome(
        model=model.name,
        dataset=data.name,
        class_names=data.classes,
        request=plan.request,
        plan=plan,
        split=split,
        device=str(model.device),
        precision=str(fast_dtype(model.device)).removeprefix("torch."),
        measured={},
        touched_parameters=0,
        timings_ms={**timings, "evaluate": 0.0},
        reference=None if reference is None else reference.name,
        notices=_unlike(model, reference),
    )


def _unlike(model: TrainedModel, reference: TrainedModel | None) -> tuple[str, ...]:
    unlike = "" if reference is None else difference(reference.card, model.card)
    if reference is None or not unlike:
        return ()
    return (
        f"The retrained model, {reference.name}, was not trained as this one was: {unlike}. What differs from it is "
        "not the forgetting's work alone.",
    )


def _touched_parameters(model: TrainedModel, plan: Plan) -> int:
    """Apply the plan once, for its time, and count the numbers it changes."""
    total = 0
    for name, tensor in pruned_tensors(model.network, model.anatomy, plan).items():
        layer = next(part for part in model.anatomy.layers if name.rpartition(".")[0] in (part.name, part.norm))
        per_channel = tensor.numel() // tensor.shape[0]
        total += per_channel * int((plan.layers[layer.name].keep != 1).sum())
    return total


class _Run:
    """Streams the predictions of all variants and keeps the outcome that follows from them."""

    def __init__(self, outcome: Outcome, predictors: dict[Variant, Predictor], images: ImageSet) -> None:
        self.outcome = outcome
        self._images = images
        self._labels = images.labels.numpy()
        self._class_sizes = np.bincount(self._labels, minlength=len(outcome.class_names))
        order = sampling_order(images.labels, outcome.request.classes)
        self._streams = {name: predictor.stream(images, order) for name, predictor in predictors.items()}
        self._last: dict[Variant, Predictions] = {}

    def accuracies(self, control_images: int) -> Iterator[Outcome]:
        """Yield after the first chunk of each variant, then with every chunk until all are exact.

        The random control is done when it has seen ``control_images``.
        """
        self._advance(*(name for name in ("before", "retrained", "after") if name in self._streams))
        yield self.outcome
        if "random" in self._streams:
            self._advance("random")
            yield self.outcome
        for variant in ("after", "before", "retrained", "random"):
            enough = min(control_images, len(self._images)) if variant == "random" else len(self._images)
            while variant in self._last and len(self._last[variant].positions) < enough:
                self._advance(variant)
                yield self.outcome

    def attacks(self, variant: Variant, predictor: Predictor, data: Dataset) -> Iterator[Outcome]:
        """Yield with membership inference of a network; the logit mask is attacked by what “before” answers.

        Yields between the parts, too: whoever watches may have moved on.
        """
        request, sides = self.outcome.request, Sides()
        for found in sides_of(predictor, data, request):
            sides = found or sides
            yield self.outcome
        scored = {variant: sides}
        if variant == "before":
            scored["mask"] = masked_sides(sides, request)
        for name, part in scored.items():
            for result in membership_from(part, request):
                if result is not None:
                    self.outcome = replace(self.outcome, membership={**self.outcome.membership, name: result})
                yield self.outcome

    def distances(self, reference: TrainedModel) -> Iterator[Outcome]:
        """Yield with every network's distance to the retrained reference; “after” comes first, and the floor."""
        retrained, classes = self._last["retrained"].logits, self.outcome.request.classes
        twin = recorded_twin(reference, self._images)
        floor = None if twin is None else distance_to_reference(retrained, twin, self._labels, classes)
        before = self._last["before"]
        masked = replace(before, logits=masked_logits(before.logits, classes))
        networks: dict[Variant, Predictions] = {"after": self._last["after"], "before": before, "mask": masked}
        if "random" in self._last:
            networks["random"] = self._last["random"]
        for variant, seen in networks.items():
            at = seen.positions
            found = distance_to_reference(seen.logits, retrained[at], self._labels[at], classes)
            distances = {**self.outcome.distances, variant: found}
            self.outcome = replace(self.outcome, distances=distances, distance_floor=floor)
            yield self.outcome

    def _advance(self, *variants: Variant) -> None:
        """Predict a chunk more with each variant, then measure all: together, for measuring takes its time too."""
        timings, notices = dict(self.outcome.timings_ms), list(self.outcome.notices)
        for variant in variants:
            started = time.perf_counter()
            self._last[variant] = next(self._streams[variant])
            if variant == "after":
                timings["evaluate"] += 1000 * (time.perf_counter() - started)
            notices += self._last[variant].notices
        known = tuple(dict.fromkeys(notices))
        self.outcome = replace(self.outcome, measured=self._measured(), timings_ms=timings, notices=known)

    def _measured(self) -> dict[Variant, Measured]:
        """Measure every network; while “after” is an estimate, all are estimated from the same images."""
        after = self._last.get("after")
        measured: dict[Variant, Measured] = {}
        for variant, seen in self._last.items():
            part = seen
            if after is not None and not after.complete and seen.complete:
                part = Predictions(seen.logits[after.positions], after.positions, complete=False)
            measured[variant] = self._measure(part.logits, part)
            if variant == "before":
                masked = masked_logits(part.logits, self.outcome.request.classes)
                measured["mask"] = self._measure(masked, part)
        return measured

    def _measure(self, logits: Logits, seen: Predictions) -> Measured:
        labels = self._labels[seen.positions]
        classes, split = self.outcome.request.classes, self.outcome.split
        return Measured(
            accuracies(logits, labels, classes, split, class_sizes=self._class_sizes),
            confusion(logits, labels, len(self.outcome.class_names)),
            seen.complete,
        )
