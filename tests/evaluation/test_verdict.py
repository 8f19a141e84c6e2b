"""The rules of the verdict, at their boundaries, through the constants that state them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from orthoui.evaluation.accuracy import Accuracies, Estimate
from orthoui.evaluation.distance import Distance, ReferenceDistance
from orthoui.evaluation.outcome import Measured, Outcome
from orthoui.evaluation.variants import Variant
from orthoui.evaluation.verdict import FAR, STILL_KNOWS, TOLERANCE, Verdict, fate, judge
from orthoui.forgetting.plan import LayerPlan, Plan
from orthoui.forgetting.request import ForgetRequest

REQUEST = ForgetRequest(classes=(0,))
BIT = 0.01


def measured(forget: float | None, retain: float | None, spread: float = 0.1) -> Measured:
    def estimate(value: float | None) -> Estimate | None:
        if value is None:
            return None
        return Estimate(value=value, low=max(value - spread, 0), high=min(value + spread, 100), n=1000)

    found = Accuracies(
        split="test",
        forget_classes=(0,),
        per_class=(estimate(forget), estimate(retain)),
        forget=estimate(forget),
        retain=estimate(retain),
        n_forget=1000,
        n_retain=9000,
        forget_entropy=0.5,
        retain_entropy=0.5,
    )
    return Measured(found, np.zeros((2, 2), dtype=np.int64), exact=True)


def distance(mean: float, spread: float = 0.0) -> ReferenceDistance:
    part = Distance(mean=mean, low=mean - spread, high=mean + spread, n=1000)
    return ReferenceDistance(forget=part, retain=part, seed=0)


def outcome_of(
    after: Measured,
    *,
    before: Measured | None = None,
    retrained: Measured | None = None,
    far: ReferenceDistance | None = None,
    floor: ReferenceDistance | None = None,
    touched: bool = True,
) -> Outcome:
    networks: dict[Variant, Measured] = {"before": before or measured(90, 92), "after": after}
    if retrained is not None:
        networks["retrained"] = retrained
    keep = np.array([0.5 if touched else 1.0])
    layer = LayerPlan(np.array([0]), keep, np.zeros(4), 0.0)
    return Outcome(
        model="m",
        dataset="d",
        class_names=("a", "b"),
        request=REQUEST,
        plan=Plan(REQUEST, {"conv": layer}),
        split="test",
        device="cpu",
        precision="float32",
        measured=networks,
        touched_parameters=1,
        timings_ms={},
        reference=None if retrained is None else "r",
        distances={} if far is None else {"after": far},
        distance_floor=floor,
    )


def verdict(after: Measured, **given: Any) -> Verdict:
    return judge(outcome_of(after, **given))


REFERENCE = measured(0, 93)


def test_a_plan_that_scales_nothing_is_called_unchanged() -> None:
    assert verdict(measured(0, 92), touched=False).kind == "unchanged"


@pytest.mark.parametrize(("forget", "retain"), [(None, 92), (0, None), (None, None)])
def test_what_was_not_measured_gets_no_verdict(forget: float | None, retain: float | None) -> None:
    assert verdict(measured(forget, retain)).kind == "not measured"


def test_others_are_damaged_beyond_the_tolerance_below_the_reference() -> None:
    at, beyond = 93 - TOLERANCE, 93 - TOLERANCE - BIT
    assert verdict(measured(0, at), retrained=REFERENCE).kind == "forgotten"
    found = verdict(measured(0, beyond), retrained=REFERENCE)
    assert found.kind == "others damaged"
    assert found.sentence == (
        "Forgotten, but the other classes are damaged: 91.0 % of their images are right, 93.0 % in a model retrained "
        "without it."
    )


def test_others_are_not_called_damaged_while_the_intervals_overlap_nor_unharmed() -> None:
    found = verdict(measured(0, 88, spread=4), retrained=measured(0, 93, spread=4))
    assert found.kind == "forgotten"
    assert "5.0 points below a model retrained without it: too few images to tell" in found.sentence
    assert verdict(measured(0, 88, spread=2), retrained=measured(0, 93, spread=2)).kind == "others damaged"


def test_without_a_reference_others_are_compared_with_the_model_before() -> None:
    before = measured(90, 92)
    assert verdict(measured(0, 92 - TOLERANCE), before=before).kind == "forgotten"
    found = verdict(measured(0, 92 - TOLERANCE - BIT), before=before)
    assert found.kind == "others damaged"
    assert "in the model before" in found.sentence


@pytest.mark.parametrize("goal", [0.0, 5.0])
def test_a_class_is_forgotten_up_to_the_tolerance_above_the_reference(goal: float) -> None:
    retrained = measured(goal, 93)
    assert verdict(measured(goal + TOLERANCE, 93), retrained=retrained).kind == "forgotten"
    found = verdict(measured(goal + TOLERANCE + BIT, 93), retrained=retrained)
    assert found.kind == "partly"
    assert f"a model that never saw it recognises {goal:.1f} %" in found.sentence


def test_a_class_still_known_more_than_its_share_is_not_forgotten() -> None:
    at = STILL_KNOWS * 90
    assert verdict(measured(at, 93), retrained=REFERENCE).kind == "partly"
    found = verdict(measured(at + BIT, 93), retrained=REFERENCE)
    assert found.kind == "not forgotten"
    assert found.sentence == f"Not forgotten: {at + BIT:.1f} % of its images are still recognised."


@pytest.mark.parametrize(
    ("forget", "expected"),
    [
        (0.0, "forgotten"),
        (TOLERANCE, "forgotten"),
        (TOLERANCE + BIT, "partly"),
        (STILL_KNOWS * 90, "partly"),
        (STILL_KNOWS * 90 + BIT, "not forgotten"),
        (None, "not measured"),
    ],
)
def test_the_fate_of_the_class_does_not_depend_on_the_others(forget: float | None, expected: str) -> None:
    for retain in (93, 20):
        assert fate(outcome_of(measured(forget, retain), retrained=REFERENCE)) == expected
    if forget is not None:
        assert fate(outcome_of(measured(forget, 93), touched=False)) == "unchanged"


@pytest.mark.parametrize("after", [0.0, 30.0])
def test_what_was_not_recognised_before_is_never_called_forgotten(after: float) -> None:
    found = outcome_of(measured(after, 92), before=measured(0, 92), retrained=REFERENCE)
    assert fate(found) == judge(found).kind == "not recognised before"
    assert judge(found).sentence == (
        "Nothing to forget: 0.0 % of its images were recognised before, no more than guessing explains (50.0 %)."
    )
    damaged = outcome_of(measured(after, 50), before=measured(0, 92), retrained=REFERENCE)
    assert "And the other classes are damaged: 50.0 % of their images" in judge(damaged).sentence


def test_a_class_was_recognised_once_its_interval_lies_above_guessing() -> None:
    half, spread = 50.0, 4.0  # two classes
    at, above = measured(half + spread, 92, spread), measured(half + spread + BIT, 92, spread)
    assert fate(outcome_of(measured(0, 92), before=at)) == "not recognised before"
    assert fate(outcome_of(measured(0, 92), before=above)) == "forgotten"


def test_several_classes_are_measured_against_guessing_together() -> None:
    request = ForgetRequest(classes=(0, 1))
    ten = replace(
        outcome_of(measured(0, 92), before=measured(10, 92)), request=request, class_names=tuple("abcdefghij")
    )
    assert fate(ten) == "not recognised before"
    assert "10.0 % of their images were recognised before" in judge(ten).sentence
    assert fate(replace(ten, class_names=(*ten.class_names, "k"))) == "forgotten"  # guessing gets 9.1 %


@pytest.mark.parametrize(("left", "kind"), [(80, "not forgotten"), (20, "partly")])
def test_what_is_not_forgotten_is_said_first_and_the_damage_with_it(left: float, kind: str) -> None:
    found = verdict(measured(left, 50), retrained=REFERENCE)
    assert found.kind == kind
    assert "And the other classes are damaged: 50.0 % of their images are right, 93.0 % in a model" in found.sentence


def test_forgotten_otherwise_needs_a_distance_certainly_far_beyond_the_floor() -> None:
    floor = distance(0.02, 0.002)
    limit = FAR * 0.022
    for mean, spread, kind in (
        (limit + BIT, 0.0, "forgotten otherwise"),
        (limit, 0.0, "forgotten"),
        (limit + BIT, 2 * BIT, "forgotten"),
        (0.02, 0.0, "forgotten"),
    ):
        assert verdict(measured(0, 93), retrained=REFERENCE, far=distance(mean, spread), floor=floor).kind == kind


def test_forgotten_otherwise_says_how_much_further() -> None:
    found = verdict(measured(0, 93), retrained=REFERENCE, far=distance(0.4), floor=distance(0.05))
    assert "8 times further from a model retrained without it" in found.sentence


def test_an_unmeasured_distance_is_not_taken_for_a_near_one() -> None:
    sentences = {
        verdict(measured(0, 93), retrained=REFERENCE, far=distance(0.02), floor=distance(0.02)).sentence,
        verdict(measured(0, 93), retrained=REFERENCE, far=distance(0.02)).sentence,
        verdict(measured(0, 92)).sentence,
    }
    assert len(sentences) == 3
    assert "was not measured" in verdict(measured(0, 92)).sentence
