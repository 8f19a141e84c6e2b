"""Membership inference after two conventions that must not be mixed: what an attacker still recognises.

The attack is a support vector machine (RBF kernel, C = 3, gamma "auto") on one number per image, the feature
set of Song & Mittal (arXiv 2003.10595). Both conventions score the network that is under examination.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import stdtrit

from orthoui.errors import RequestError
from orthoui.evaluation.arrays import Bools, Floats, Ints, checked_pair
from orthoui.evaluation.probabilities import entropy, label_probability, modified_entropy
from orthoui.registry import Registry

Values = NDArray[np.float64]
Feature = Callable[[Floats, Ints], Values]
FEATURES: Registry[Feature] = Registry("membership feature")
FOLDS = 5
SMALLEST_GROUP = 2 * FOLDS
"""Fewest members, and fewest non-members, that an attack is trained on."""
SMALLEST_RANGE = 1e-6
"""A feature that varies less counts as constant: to a kernel of width 1 all images are then the same one."""


@dataclass(frozen=True, eq=False)
class Scored:
    """A network's logits (N, C) on images with labels (N,)."""

    logits: Floats
    labels: Ints

    def __post_init__(self) -> None:
        checked_pair(self.logits, self.labels)

    def __len__(self) -> int:
        return len(self.labels)


class MembershipResult(BaseModel):
    """One attack's outcome over several seeded subsets, in percent.

    ``low`` and ``high`` are the 95 % t-interval of the mean over the subsets, clipped to 0 … 100. The subsets
    come from the same images and overlap, so it covers the choice of the attacker's images and nothing else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    convention: Literal["A", "B"]
    feature: str
    mean: float = Field(ge=0, le=100, description="percent")
    spread: float = Field(ge=0, description="standard deviation over the subsets, percentage points")
    low: float = Field(ge=0, le=100)
    high: float = Field(ge=0, le=100)
    values: tuple[float, ...] = Field(description="one per subset, percent")
    n_members: int = Field(ge=1, description="members per subset the attack learns from")
    n_non_members: int = Field(ge=1, description="non-members per subset the attack learns from")
    n_judged: int = Field(ge=1, description="images per subset that get a verdict")
    seed: int


@FEATURES.add("confidence")
def _confidence(logits: Floats, labels: Ints) -> Values:
    return label_probability(logits, labels)


@FEATURES.add("entropy")
def _entropy(logits: Floats, labels: Ints) -> Values:
    del labels  # the one feature that an attacker without labels has
    return entropy(logits)


@FEATURES.add("modified_entropy")
def _modified_entropy(logits: Floats, labels: Ints) -> Values:
    return modified_entropy(logits, labels)


@FEATURES.add("correctness")
def _correctness(logits: Floats, labels: Ints) -> Values:
    right: Bools = logits.argmax(axis=1) == labels
    return right.astype(np.float64)


def convention_a(
    retain_train: Scored,
    retain_test: Scored,
    forget_train: Scored,
    *,
    seed: int = 0,
    subsets: int = 5,
    size: int = 400,
    feature: str = "confidence",
) -> MembershipResult | None:
    """Return the share of the forgotten training images that an attacker still takes for training images.

    The attack learns "member" from retained training images and "non-member" from retained test images, up to
    ``size`` of each per subset, and is then asked about all of ``forget_train``. The convention of the OSP
    tables (arXiv 2506.19891), SSD and Bad Teacher: lower is better, a retrained model is near 0, and there is
    no 50 % reference. With a feature that uses the label it counts little more than misclassified images, so
    compare it with the retrained model's value; the logit mask gets a low value too. The interval says how
    much the verdict depends on the attacker's images.

    None when it cannot be measured: no forgotten image, fewer than 10 usable images on a side, or a feature
    that is the same for all images the attack learns from. Raises ``RequestError`` for settings out of
    bounds and for a forgotten class among the retained, ``UnknownNameError`` for an unknown feature.
    """
    score = _checked_settings(feature, subsets, size)
    if np.intersect1d(forget_train.labels, np.union1d(retain_train.labels, retain_test.labels)).size:
        raise RequestError("The attack's own images must not contain the forgotten class. Pass retained images only.")
    if len(forget_train) == 0:
        return None
    members, others = (score(part.logits, part.labels) for part in (retain_train, retain_test))
    asked = score(forget_train.logits, forget_train.labels)
    values, examples_used = [], 0
    for generator in np.random.default_rng(seed).spawn(subsets):
        drawn = _matched_draw(retain_train.labels, retain_test.labels, size, generator)
        if drawn is None:
            return None
        examples = np.concatenate([members[drawn[0]], others[drawn[1]]])
        if np.ptp(examples) < SMALLEST_RANGE:
            return None
        is_member = np.arange(len(examples)) < len(drawn[0])
        examples_used = len(drawn[0])
        values.append(100 * float(_verdicts(examples, is_member, asked).mean()))
    return _result("A", feature, values, examples_used, len(asked), seed)


def convention_b(
    forget_train: Scored,
    forget_test: Scored,
    *,
    seed: int = 0,
    subsets: int = 5,
    size: int = 400,
    feature: str = "confidence",
) -> MembershipResult | None:
    """Return how well an attacker tells forgotten training images from unseen images of the same classes.

    Balanced accuracy ½(TPR + TNR) by stratified five-fold cross-validation, on subsets of up to ``size``
    members and as many non-members with the same mix of classes. 50 is ideal: the two cannot be told apart;
    values below 50 are noise, not better.

    None when it cannot be measured: fewer than 10 usable images on a side, or a feature that is the same for
    all of them (the logit mask's confidence is). Raises ``RequestError`` for settings out of bounds and
    ``UnknownNameError`` for an unknown feature.
    """
    score = _checked_settings(feature, subsets, size)
    members, others = (score(part.logits, part.labels) for part in (forget_train, forget_test))
    values, examples_used = [], 0
    for generator in np.random.default_rng(seed).spawn(subsets):
        drawn = _matched_draw(forget_train.labels, forget_test.labels, size, generator)
        if drawn is None:
            return None
        pair = members[drawn[0]], others[drawn[1]]
        if np.ptp(np.concatenate(pair)) < SMALLEST_RANGE:
            return None
        examples_used = len(drawn[0])
        values.append(100 * _cross_validated(*pair))
    return _result("B", feature, values, examples_used, 2 * examples_used, seed)


def _checked_settings(feature: str, subsets: int, size: int) -> Feature:
    if not 2 <= subsets <= 100:
        raise RequestError(f"{subsets} subsets were asked for; 2 to 100 are allowed (5 is usual).")
    if not SMALLEST_GROUP <= size <= 20_000:
        raise RequestError(f"Subsets of {size} images were asked for; {SMALLEST_GROUP} to 20,000 are allowed.")
    return FEATURES[feature]


def _matched_draw(
    member_labels: Ints, other_labels: Ints, size: int, generator: np.random.Generator
) -> tuple[Ints, Ints] | None:
    """Draw equally many positions from both sides, in random order and with the same mix of classes.

    Another mix would let the attack tell classes apart instead of members. None when too few are there.
    """
    classes = 1 + max(part.max(initial=0) for part in (member_labels, other_labels))
    counts = [np.bincount(part, minlength=classes) for part in (member_labels, other_labels)]
    available = np.minimum(*counts)
    total = min(size, int(available.sum()))
    if total < SMALLEST_GROUP:
        return None
    quota = generator.multivariate_hypergeometric(available, total)
    return _draw(member_labels, quota, generator), _draw(other_labels, quota, generator)


def _draw(labels: Ints, quota: Ints, generator: np.random.Generator) -> Ints:
    """Draw ``quota`` (classes,) positions of every class without repetition, in random order."""
    shuffled = generator.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels, minlength=len(quota))
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return generator.permutation(by_class[rank < np.repeat(quota, counts)])


def _verdicts(examples: Values, is_member: Bools, asked: Values) -> Bools:
    """Train the attack on one number per image and return its verdict (member or not) for others.

    What lies outside the range of the examples gets the verdict of that range's end: far from every example
    an RBF machine knows only its offset, whose sign would decide by accident.
    """
    from sklearn.svm import SVC  # takes a second to import, and the first page does not need it yet

    machine = SVC(C=3.0, kernel="rbf", gamma="auto").fit(examples[:, None], is_member)
    inside = np.clip(asked, examples.min(), examples.max())
    distinct, back = np.unique(inside, return_inverse=True)
    verdicts: Bools = machine.predict(distinct[:, None])[back]
    return verdicts


def _cross_validated(members: Values, others: Values) -> float:
    """Balanced accuracy 0 … 1 over stratified folds; both sides are equally long and in random order."""
    fold = np.arange(len(members)) % FOLDS
    right = 0
    for held_out in range(FOLDS):
        kept = fold != held_out
        examples = np.concatenate([members[kept], others[kept]])
        is_member = np.arange(len(examples)) < kept.sum()
        asked = np.concatenate([members[~kept], others[~kept]])
        truth = np.arange(len(asked)) < len(asked) // 2
        right += int((_verdicts(examples, is_member, asked) == truth).sum())
    return right / (2 * len(members))  # equal sides: the share of right verdicts is ½(TPR + TNR)


def _result(
    convention: Literal["A", "B"], feature: str, values: list[float], examples: int, judged: int, seed: int
) -> MembershipResult:
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(stdtrit(len(values) - 1, 0.975)) * spread / len(values) ** 0.5
    return MembershipResult(
        convention=convention,
        feature=feature,
        mean=mean,
        spread=spread,
        low=max(mean - half, 0.0),
        high=min(mean + half, 100.0),
        values=tuple(values),
        n_members=examples,
        n_non_members=examples,
        n_judged=judged,
        seed=seed,
    )
