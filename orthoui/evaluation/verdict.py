"""The verdict: whether a network now behaves as one that never saw the class, in words and by stated rules."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from orthoui.evaluation.accuracy import Estimate
from orthoui.evaluation.distance import Distance
from orthoui.evaluation.outcome import Outcome

Kind = Literal[
    "forgotten", "partly", "over-forgotten", "others damaged", "not forgotten", "unchanged", "not measured"
]

Fate = Literal["forgotten", "partly", "not forgotten", "unchanged", "not measured"]

TOLERANCE = 2.0
"""Points of accuracy within which a network counts as equal to its reference."""
STILL_KNOWS = 0.5
"""Share of its former accuracy above which a class counts as not forgotten."""
FAR = 5.0
"""Multiple of the floor beyond which outputs on forgotten images differ from the retrained model's."""


class Verdict(BaseModel):
    """One of a few kinds, with the sentence that explains it."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    sentence: str


def fate(outcome: Outcome) -> Fate:
    """Say what became of the forgotten classes alone, whatever happened to the others."""
    before, after = (outcome.measured[name].accuracies.forget for name in ("before", "after"))
    if before is None or after is None:
        return "not measured"
    if outcome.unchanged:
        return "unchanged"
    reference = outcome.measured.get("retrained")
    known = reference.accuracies.forget if reference else None
    if after.value <= (known.value if known else 0.0) + TOLERANCE:
        return "forgotten"
    return "not forgotten" if after.value > STILL_KNOWS * before.value else "partly"


def judge(outcome: Outcome) -> Verdict:
    """Judge an outcome against the retrained reference, or against the model before where there is none."""
    before, after = (outcome.measured[name].accuracies for name in ("before", "after"))
    reference = outcome.measured.get("retrained")
    if before.forget is None or after.forget is None or before.retain is None or after.retain is None:
        return Verdict(kind="not measured", sentence="Not measured: the split has no images of one of the groups.")
    if outcome.unchanged:
        return Verdict(kind="unchanged", sentence="Nothing is changed: no channel is scaled at these settings.")
    goal, baseline = 0.0, before.retain
    if reference and reference.accuracies.forget and reference.accuracies.retain:
        goal, baseline = reference.accuracies.forget.value, reference.accuracies.retain
    against = "a model retrained without it" if reference else "the model before"
    if _damaged(after.retain, baseline):
        lost = baseline.value - after.retain.value
        return Verdict(
            kind="others damaged",
            sentence=f"The other classes are damaged: {lost:.1f} points below {against}.",
        )
    if (state := fate(outcome)) in ("partly", "not forgotten"):
        return _remembers(after.forget, goal, still_known=state == "not forgotten")
    if outcome.distance is None or outcome.distance_floor is None:
        return _without_distance(against, compared=reference is not None)
    return _by_distance(outcome.distance.forget, outcome.distance_floor.forget, against)


def _damaged(after: Estimate, baseline: Estimate) -> bool:
    return baseline.value - after.value > TOLERANCE and after.high < baseline.low


def _remembers(after: Estimate, goal: float, *, still_known: bool) -> Verdict:
    if still_known:
        return Verdict(
            kind="not forgotten",
            sentence=f"Not forgotten: {after.value:.1f} % of its images are still recognised.",
        )
    return Verdict(
        kind="partly",
        sentence=f"Partly forgotten: {after.value:.1f} % of its images are still recognised; "
        f"a model that never saw the class recognises {goal:.1f} %.",
    )


def _without_distance(against: str, *, compared: bool) -> Verdict:
    if compared:
        return Verdict(
            kind="forgotten",
            sentence=f"Forgotten: as accurate as {against}, in both groups. Likeness of answers: not measured.",
        )
    return Verdict(
        kind="forgotten",
        sentence="Forgotten by accuracy. There is no retrained model for this choice, so how a model that never "
        "saw it would behave was not measured.",
    )


def _by_distance(distance: Distance | None, floor: Distance | None, against: str) -> Verdict:
    if distance is not None and floor is not None and distance.low > FAR * floor.high:
        times = distance.mean / max(floor.mean, 1e-9)
        return Verdict(
            kind="over-forgotten",
            sentence=f"Over-forgotten: accuracy fits, but its images are answered {times:.0f} times further from "
            f"{against} than two retrained models are from each other.",
        )
    return Verdict(kind="forgotten", sentence=f"Forgotten: it answers like {against}.")
