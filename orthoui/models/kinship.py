"""How the trainings of two models compare, as far as their cards tell."""

from collections.abc import Collection, Sequence
from typing import Any

from orthoui.data import Dataset
from orthoui.models.card import ModelCard

LATER = {"gradient_restriction": 0.0}
"""Fields of a recipe that older cards do not tell, and what they were then."""
TOLD_APART = ("orthogonality", "seed", "forgets")
"""Fields of a recipe that a card tells itself, or in which networks that are trained alike may differ."""
PENALTY = ("penalty", "ortho_layers")
"""Fields of a recipe that mean nothing on a plain network."""

OTHERS = (
    "The training images of {title} here are not the very ones that this model was trained on, but another version "
    "or another split. "
)
KEPT_APART = "Test accuracies hold all the same, unless images were moved from training to test. "
DRAWN_TOGETHER = (
    "The test images were drawn from the same folder: some of them may be images that it was trained on, and test "
    "accuracies then too high. Train it again to measure it on images that it never saw. "
)
MIXED = (
    "Numbers on training and calibration images and membership inference mix images that it has seen with some that "
    "it has not."
)
UNKNOWN_TRAINING = (
    "Nobody here knows how this model was trained. It may have seen the calibration images, and what is chosen by "
    "them, such as a recommended setting, may then look better than it is."
)


def image_notices(card: ModelCard, data: Dataset) -> tuple[str, ...]:
    """Return what a person should know about a model and the images here, before trusting a number."""
    unknown = UNKNOWN_TRAINING if card.origin == "imported" else ""
    return tuple(notice for notice in (unknown, other_images(card, data)) if notice)


def other_images(card: ModelCard, data: Dataset) -> str:
    """Say what no longer holds where the images here are not those a model was trained on; empty where they are.

    Empty also for a card without a digest, which an import writes while the images are not here: nothing is known.
    """
    if card.images_digest in ("", data["train"].digest):
        return ""
    return OTHERS.format(title=data.title) + (DRAWN_TOGETHER if data.test_drawn else KEPT_APART) + MIXED


def is_reference(card: ModelCard, original: ModelCard, classes: Sequence[int]) -> bool:
    """Whether ``card`` describes ``original`` retrained from scratch without ``classes``."""
    return (
        tuple(sorted(card.forgets)) == tuple(sorted(classes))
        and bool(card.forgets)
        and card.dataset == original.dataset
        and card.images_digest == original.images_digest
        and card.architecture == original.architecture
        and card.width == original.width
    )


def is_contrast(card: ModelCard, original: ModelCard) -> bool:
    """Whether one of two networks was trained with the orthogonality penalty and the other without it.

    Their data, kind, size and seed are the same; ``difference`` tells what else is not. Nobody knows whether an
    imported model was trained with a penalty, so it is in contrast to none.
    """
    same = ("dataset", "architecture", "width", "seed", "images_digest", "forgets")
    return (
        card.origin == original.origin == "trained"
        and bool(card.orthogonality) != bool(original.orthogonality)
        and all(getattr(card, field) == getattr(original, field) for field in same)
    )


def difference(card: ModelCard, other: ModelCard, leaving_out: Collection[str] = ()) -> str:
    """Say how a training differs from another but for seed and left-out classes, e.g. “epochs 1 in place of 12”.

    Empty where they were alike as far as both cards tell. ``leaving_out`` names further fields of a recipe that are
    no difference. Nobody knows how imported models were trained, so each differs from every other.
    """
    return ", ".join(differences(card, other, leaving_out))


def differences(card: ModelCard, other: ModelCard, leaving_out: Collection[str] = ()) -> tuple[str, ...]:
    """Return the parts of ``difference``, one for each field that differs."""
    if "imported" in (card.origin, other.origin):
        return ("a training that nobody here knows",)
    here, there = _told(card), _told(other)
    pairs = [(name, here[name], there[name]) for name in there if name in here and name not in TOLD_APART]
    pairs.insert(0, ("orthogonality", card.orthogonality, other.orthogonality))
    parts = [
        f"{_words(name)} {_shown(one)} in place of {_shown(two)}"
        for name, one, two in pairs
        if one != two and name not in leaving_out
    ]
    return (*parts, *(["other training images"] if card.images_digest != other.images_digest else []))


def _told(card: ModelCard) -> dict[str, Any]:
    return LATER | card.recipe if card.recipe else {}


def _words(field: str) -> str:
    return "λ" if field == "orthogonality" else field.replace("_", " ")


def _shown(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
