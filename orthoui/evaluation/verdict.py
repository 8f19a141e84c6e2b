"""The verdict: whether a network now behaves as one that never saw the class, in words and by stated rules."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from orthoui.evaluation.accuracy import Estimate
from orthoui.evaluation.distance import Distance
from orthoui.evaluation.outcome import Outcome

Kind = Literal[
    "forgotten", "partly", "forgotten otherwise", "others damaged", "not forgotten", "not recognised before",
    "unchanged", "not measured",
]  # fmt: skip

Fate = Literal["forgotten", "partly", "not forgotten", "not recognised before", "unchanged", "not measured"]

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
    if before.low <= _chance(outcome):
        return "not recognised before"
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
    names = "it" if len(outcome.request.classes) == 1 else "them"
    against = f"a model retrained without {names}" if reference else "the model before"
    damage = (
        f"{after.retain.value:.1f} % of their images are right, {baseline.value:.1f} % in {against}"
        if _damaged(after.retain, baseline)
        else ""
    )
    more = f" And the other classes are damaged: {damage}." if damage else ""
    if (state := fate(outcome)) == "not recognised before":
        return Verdict(kind=state, sentence=_nothing_to_forget(before.forget, _chance(outcome), names) + more)
    if state in ("partly", "not forgotten"):
        found = _remembers(after.forget, goal, names, still_known=state == "not forgotten")
        return Verdict(kind=found.kind, sentence=found.sentence + more)
    if damage:
        return Verdict(kind="others damaged", sentence=f"Forgotten, but the other classes are damaged: {damage}.")
    if baseline.value - after.retain.value > TOLERANCE:
        return _too_few(baseline.value - after.retain.value, against)
    if outcome.distance is None or outcome.distance_floor is None:
        return _without_distance(against, compared=reference is not None)
    return _by_distance(outcome.distance.forget, outcome.distance_floor.forget, against, names)


def _chance(outcome: Outcome) -> float:
    """Percent of any class's images, or of several classes' together, that guessing gets right."""
    return 100 / len(outcome.class_names)


def _nothing_to_forget(before: Estimate, chance: float, names: str) -> str:
    images = "its images" if names == "it" else "their images"
    return (
        f"Nothing to forget: {before.value:.1f} % of {images} were recognised before, no more than guessing explains "
        f"({chance:.1f} %)."
    )


def _damaged(after: Estimate, baseline: Estimate) -> bool:
    return baseline.value - after.value > TOLERANCE and after.high < baseline.low


def _remembers(after: Estimate, goal: float, names: str, *, still_known: bool) -> Verdict:
    images = "its images" if names == "it" else "their images"
    if still_known:
        return Verdict(
            kind="not forgotten",
            sentence=f"Not forgotten: {after.value:.1f} % of {images} are still recognised.",
        )
    return Verdict(
        kind="partly",
        sentence=f"Partly forgotten: {after.value:.1f} % of {images} are still recognised; "
        f"a model that never saw {names} recognises {goal:.1f} %.",
    )


def _too_few(lost: float, against: str) -> Verdict:
    return Verdict(
        kind="forgotten",
        sentence=f"Forgotten, but the other classes are {lost:.1f} points below {against}: too few images to tell "
        "damage from chance.",
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


def _by_distance(distance: Distance | None, floor: Distance | None, against: str, names: str) -> Verdict:
    if distance is not None and floor is not None and distance.low > FAR * floor.high:
        times = distance.mean / max(floor.mean, 1e-9)
        return Verdict(
            kind="forgotten otherwise",
            sentence="Forgotten by accuracy, but otherwise than by retraining: the answers to "
            f"{'its' if names == 'it' else 'their'} images are {times:.0f} times further from {against} than two "
            "such models are from each other.",
        )
    return Verdict(kind="forgotten", sentence=f"Forgotten: it answers like {against}.")
