"""One unlearned network measured like every other, so that methods can stand side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from orthoui.data import Dataset, ImageSet, balanced_positions
from orthoui.errors import CancelledError
from orthoui.evaluation.accuracy import Accuracies, Estimate, accuracies, confusion
from orthoui.evaluation.distance import Distance, distance_to_reference
from orthoui.evaluation.membership import MembershipResult
from orthoui.evaluation.predictions import PredictionMemo, Predictor
from orthoui.evaluation.privacy import membership_of
from orthoui.evaluation.records import recorded_twin
from orthoui.evaluation.relearning import Relearning, RelearnSettings, relearn
from orthoui.evaluation.runner import Logits
from orthoui.evaluation.similarity import layer_similarity
from orthoui.evaluation.variants import original
from orthoui.forgetting.request import ForgetRequest
from orthoui.models.trained import TrainedModel, resident

TRAIN_PER_CLASS = 500
"""Training images per class behind the accuracies on training images: a seeded draw."""


class Similarity(BaseModel):
    """Linear CKA by layer, on test images of the forgotten and of the retained classes."""

    model_config = ConfigDict(frozen=True)

    forget: dict[str, float]
    retain: dict[str, float]


class AgainstReference(BaseModel):
    """What is measured against a retrained reference; None where it was not, or where parts do not correspond."""

    model_config = ConfigDict(frozen=True)

    distance: Distance | None = Field(description="to the retrained reference, test images of the forgotten classes")
    distance_retain: Distance | None = Field(description="the same on test images of all other classes")
    distance_floor: Distance | None = Field(description="of two retrained networks that differ in their seed only")
    similarity_retrained: Similarity | None


class Comparison(AgainstReference):
    """What is measured of one unlearned network; what could not be is None, never 0. Accuracies in percent."""

    forget_test: Estimate | None = Field(description="A_u on the test split")
    retain_test: Estimate | None = Field(description="A_r on the test split")
    forget_train: Estimate | None = Field(description="A_u on training images")
    retain_train: Estimate | None = Field(description="A_r on training images")
    per_class: tuple[Estimate | None, ...] = Field(description="test accuracy of every class")
    confusion: list[list[int]] = Field(description="test images by true class (row) and answer (column)")
    confidence: tuple[float, ...] = Field(description="mean probability of the answer, by true class, test images")
    membership_a: MembershipResult | None
    membership_b: MembershipResult | None
    relearn: Relearning | None = Field(description="steps until the class is back")
    similarity_original: Similarity | None


@dataclass(frozen=True)
class Scope:
    """What is measured beside accuracies and membership; each costs seconds to minutes."""

    relearn: RelearnSettings | None = None
    similarity: bool = True


def parts(scope: Scope) -> int:
    """Return how many parts ``compare`` tells of, one after the other."""
    return 3 + (scope.relearn is not None) + scope.similarity


def compare(
    network: nn.Module,
    model: TrainedModel,
    data: Dataset,
    classes: tuple[int, ...],
    reference: TrainedModel | None,
    scope: Scope | None = None,
    *,
    seed: int = 0,
    told: Callable[[str], None] = lambda doing: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Comparison:
    """Measure ``network``, which came out of ``model`` by some method. Raises ``CancelledError``.

    ``told`` hears of every part that begins; ``cancelled`` is asked between chunks of images.
    """
    look = _stopping(cancelled)
    scope = scope or Scope()
    predictor = _predictor(network, model)
    test = data["test"]
    labels = test.labels.numpy()
    told("accuracy on test images")
    logits = _complete(predictor, test, look)
    on_test = accuracies(logits, labels, classes, "test")
    told("accuracy on training images")
    on_train = _on_training_images(predictor, data, classes, look)
    told("membership inference")
    membership = None
    for result in membership_of(predictor, data, ForgetRequest(classes=classes, seed=seed)):
        look()
        membership = result
    return Comparison(
        forget_test=on_test.forget,
        retain_test=on_test.retain,
        forget_train=on_train.forget,
        retain_train=on_train.retain,
        per_class=on_test.per_class,
        confusion=confusion(logits, labels, len(data.classes)).tolist(),
        confidence=_confidence(logits, labels, len(data.classes)),
        membership_a=membership.convention_a if membership else None,
        membership_b=membership.convention_b if membership else None,
        **_distances(logits, reference, test, classes, look),
        relearn=_relearned(network, model, data, classes, scope, told, look, cancelled),
        **_similarities(network, model, data, classes, reference, scope, told, look),
    )


def against_reference(
    network: nn.Module,
    model: TrainedModel,
    data: Dataset,
    classes: tuple[int, ...],
    reference: TrainedModel,
    *,
    similarity: bool = True,
    cancelled: Callable[[], bool] = lambda: False,
) -> AgainstReference:
    """Measure only what needs a retrained reference: for a network that was measured before there was one.

    Raises ``CancelledError``; ``cancelled`` is asked between chunks of images.
    """
    look = _stopping(cancelled)
    logits = _complete(_predictor(network, model), data["test"], look)
    same = similarity and _same_parts(network, model)
    return AgainstReference(
        **_distances(logits, reference, data["test"], classes, look),
        similarity_retrained=_similarity(network, reference.network, model, data, classes, look) if same else None,
    )


def _stopping(cancelled: Callable[[], bool]) -> Callable[[], None]:
    def look() -> None:
        if cancelled():
            raise CancelledError("The measurement was cancelled.")

    return look


def _predictor(network: nn.Module, model: TrainedModel) -> Predictor:
    own = resident("unlearned", model.card, network, model.device)  # a mask or an ensemble has other parts
    return Predictor(own, lambda: own.network, "unlearned", PredictionMemo(64))


def _distances(
    logits: Logits, reference: TrainedModel | None, test: ImageSet, classes: tuple[int, ...], look: Callable[[], None]
) -> dict[str, Distance | None]:
    if reference is None:
        return {"distance": None, "distance_retain": None, "distance_floor": None}
    theirs, twin, labels = _complete(original(reference), test, look), recorded_twin(reference, test), test.labels
    found = distance_to_reference(logits, theirs, labels.numpy(), classes)
    floor = None if twin is None else distance_to_reference(theirs, twin, labels.numpy(), classes).forget
    return {"distance": found.forget, "distance_retain": found.retain, "distance_floor": floor}


def _complete(predictor: Predictor, images: ImageSet, look: Callable[[], None]) -> Logits:
    """Return the logits of all images; ``look`` is called after every chunk and may raise to stop."""
    for last in predictor.stream(images, torch.arange(len(images))):  # noqa: B007  the last one is complete
        look()
    return last.logits


def _on_training_images(
    predictor: Predictor, data: Dataset, classes: tuple[int, ...], look: Callable[[], None]
) -> Accuracies:
    train = data["train"]
    drawn = train.subset(balanced_positions(train.labels, TRAIN_PER_CLASS, seed=0))
    return accuracies(_complete(predictor, drawn, look), drawn.labels.numpy(), classes, "train")


def _confidence(logits: Any, labels: Any, classes: int) -> tuple[float, ...]:
    highest = torch.softmax(torch.tensor(logits).double(), 1).max(1).values.numpy()
    return tuple(float(highest[labels == label].mean()) for label in range(classes))


def _relearned(
    network: nn.Module,
    model: TrainedModel,
    data: Dataset,
    classes: tuple[int, ...],
    scope: Scope,
    told: Callable[[str], None],
    look: Callable[[], None],
    cancelled: Callable[[], bool],
) -> Relearning | None:
    if scope.relearn is None:
        return None
    told("steps to relearn")
    forgotten = data["calibration"].only(classes)
    before = _complete(original(model), forgotten, look).argmax(1) == forgotten.labels.numpy()
    return relearn(network, model, data, classes, 100 * float(before.mean()), scope.relearn, cancelled=cancelled)


def _similarities(
    network: nn.Module,
    model: TrainedModel,
    data: Dataset,
    classes: tuple[int, ...],
    reference: TrainedModel | None,
    scope: Scope,
    told: Callable[[str], None],
    look: Callable[[], None],
) -> dict[str, Similarity | None]:
    if not scope.similarity or not _same_parts(network, model):
        return {"similarity_original": None, "similarity_retrained": None}
    told("layer similarity")
    return {
        "similarity_original": _similarity(network, model.network, model, data, classes, look),
        "similarity_retrained": None
        if reference is None
        else _similarity(network, reference.network, model, data, classes, look),
    }


def _same_parts(network: nn.Module, model: TrainedModel) -> bool:
    return {name for name, _ in network.named_modules()} >= set(model.anatomy.names)


def _similarity(
    network: nn.Module,
    other: nn.Module,
    model: TrainedModel,
    data: Dataset,
    classes: tuple[int, ...],
    look: Callable[[], None],
) -> Similarity:
    found = []
    for images in (data["test"].only(classes), data["test"].without(classes)):
        look()
        found.append(layer_similarity(network, other, model, images))
    return Similarity(forget=found[0], retain=found[1])
