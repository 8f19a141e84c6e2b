"""Ready-made settings: the paper's, and the ones found best for a model on its calibration images."""

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import torch
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from orthoui.data import Dataset, ImageSet
from orthoui.evaluation.accuracy import Accuracies, accuracies
from orthoui.evaluation.predictions import FIRST_CHUNK, sampling_order
from orthoui.evaluation.variants import planned
from orthoui.files import write_atomically
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.trained import TrainedModel
from orthoui.settings import assets_folder, settings

log = logging.getLogger(__name__)


def _possible(setting: dict[str, str | float | int]) -> dict[str, str | float | int]:
    ForgetRequest.model_validate({**setting, "classes": (0,)})
    return setting


Setting = Annotated[dict[str, str | float | int], AfterValidator(_possible)]
"""Fields of a request; what comes out of a file is checked against its bounds."""

PAPER_RATIO = 0.05
OTHER_PAPER_RATIOS = {("cifar100", "resnet50"): 0.02}
"""The one data set and network for which the paper's text names another ratio."""
RATIOS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
STRENGTHS = (0.5, 0.75, 1.0)
SCORES = ("difference", "margin", "standardised")
TARGETS = ("conv", "bn")
FINALISTS = 6
"""Settings that are measured again on every calibration image."""
SEARCH_IMAGES_PER_CLASS = 50
"""Images behind the profile of a found setting: more than the paper's five, so that the choice is steady."""
FORGOTTEN_AT = 1.0
"""Forget accuracy, percent, below which a class counts as forgotten in the search."""
COST_OF_REMEMBERING = 3.0
"""Points of retained accuracy that one point of forget accuracy above that is worth."""


class Found(BaseModel):
    """The best setting of a search and what it did on the calibration images, percent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    setting: Setting
    forget_accuracy: float
    retain_accuracy: float
    retain_before: float


class Presets(BaseModel):
    """Settings found for one model; ``overall`` serves classes and groups that were not searched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    weights: str = Field(description="digest of the weights they were found for")
    images: str = Field(description="digest of the calibration images they were found on")
    overall: Setting
    classes: dict[int, Found]


def paper(model: TrainedModel, classes: tuple[int, ...]) -> ForgetRequest:
    """Return the paper's setting (arXiv 2506.19891, Table 3: strength 0.4, all layers) for a model's images and kind.

    Its text leaves open how strength fades with rank and where responses are read: ``floor`` and behind batch norm
    are our reading.
    """
    return ForgetRequest(classes=classes, ratio=paper_ratio(model.card.dataset, model.card.architecture))


def paper_ratio(dataset: str, architecture: str) -> float:
    """Return the ratio ρ the paper uses on a data set and network; 0.05 where it names no other."""
    return OTHER_PAPER_RATIOS.get((dataset, architecture), PAPER_RATIO)


def recommended(model: TrainedModel, classes: tuple[int, ...]) -> ForgetRequest | None:
    """Return the setting found best for these classes, or None when no search was made for this model."""
    presets = load_presets(model)
    if presets is None:
        return None
    found = presets.classes.get(classes[0]) if len(classes) == 1 else None
    setting = found.setting if found else presets.overall
    return ForgetRequest.model_validate({**setting, "classes": classes})


def load_presets(model: TrainedModel) -> Presets | None:
    """Return the presets stored for exactly these weights; a damaged file is left aside with a warning."""
    for folder in (assets_folder() / "presets", settings().home / "presets"):
        path = folder / f"{model.name}.json"
        if path.exists():
            try:
                presets = Presets.model_validate_json(path.read_bytes())
            except (OSError, ValidationError) as error:
                log.warning("The presets %s cannot be read and are left aside: %s", path, error)
                continue
            if presets.weights == model.weights:
                return presets
    return None


def save_presets(presets: Presets, folder: Path) -> Path:
    """Write presets as JSON and return the file."""
    path = folder / f"{presets.model}.json"
    write_atomically(path, presets.model_dump_json(indent=1).encode())
    return path


def search(
    model: TrainedModel,
    data: Dataset,
    report: Callable[[int, Found], None] = lambda label, found: None,
    part: Path | None = None,
) -> Presets:
    """Search the settings for every class of a model on calibration images; test images are never seen.

    With ``part`` what is found is kept in that file, class by class, and a search that was stopped goes on from it.
    """
    found = _begun(part, model, data)
    for label in range(len(data.classes)):
        if label not in found:
            found[label] = search_class(model, data, label)
            _keep(part, _presets(model, data, found))
        report(label, found[label])
    return _presets(model, data, found)


def _begun(part: Path | None, model: TrainedModel, data: Dataset) -> dict[int, Found]:
    if part is None or not part.exists():
        return {}
    try:
        presets = Presets.model_validate_json(part.read_bytes())
    except (OSError, ValidationError) as error:
        log.warning("What an earlier search found cannot be read and is left aside: %s", error)
        return {}
    same = (presets.weights, presets.images) == (model.weights, data["calibration"].digest)
    return dict(presets.classes) if same else {}


def _keep(part: Path | None, presets: Presets) -> None:
    try:
        if part is not None:
            write_atomically(part, presets.model_dump_json(indent=1).encode())
    except OSError as error:  # costs the going on, not the search
        log.warning("What was found so far cannot be kept: %s", error)


def _presets(model: TrainedModel, data: Dataset, found: dict[int, Found]) -> Presets:
    votes = [tuple(sorted(best.setting.items())) for best in found.values()]
    overall = max(votes, key=lambda vote: _agreement(vote, votes))
    return Presets(
        model=model.name,
        weights=model.weights,
        images=data["calibration"].digest,
        overall=dict(overall),
        classes=dict(found),
    )


def search_class(model: TrainedModel, data: Dataset, label: int) -> Found:
    """Screen every setting on a fair sample of calibration images, then measure the finalists on all of them."""
    images = data["calibration"]
    sample = images.subset(sampling_order(images.labels, (label,))[:FIRST_CHUNK])
    ranked = sorted(candidates(model), key=lambda setting: -_worth(_measure(model, data, sample, label, setting)))
    finalists = [(setting, _measure(model, data, images, label, setting)) for setting in ranked[:FINALISTS]]
    setting, result = max(finalists, key=lambda pair: _worth(pair[1]))
    unchanged: Setting = {"ratio": 0.0}
    before = _measure(model, data, images, label, unchanged)
    return Found(
        setting=setting,
        forget_accuracy=_value(result.forget),
        retain_accuracy=_value(result.retain),
        retain_before=_value(before.retain),
    )


def candidates(model: TrainedModel) -> Iterator[Setting]:
    """Yield the settings that are tried: two scopes, three scores, two targets, ratios and strengths."""
    scopes = ("all", f"stage:{model.anatomy.stages[-1]}")
    for scope, score, target, ratio, strength in itertools.product(scopes, SCORES, TARGETS, RATIOS, STRENGTHS):
        yield {
            "scope": scope,
            "score": score,
            "target": target,
            "ratio": ratio,
            "strength": strength,
            "attenuation": "uniform",
            "images_per_class": SEARCH_IMAGES_PER_CLASS,
        }


def _measure(model: TrainedModel, data: Dataset, images: ImageSet, label: int, setting: Setting) -> Accuracies:
    request = ForgetRequest.model_validate({**setting, "classes": (label,)})
    plan = make_plan(load_or_measure(model, data, request).profile, model.anatomy, request)
    sizes = torch.bincount(images.labels, minlength=len(data.classes)).numpy()
    logits = planned(model, plan).complete(images)
    return accuracies(logits, images.labels.numpy(), (label,), "calibration", class_sizes=sizes)


def _worth(result: Accuracies) -> float:
    return _value(result.retain) - COST_OF_REMEMBERING * max(0.0, _value(result.forget) - FORGOTTEN_AT)


def _value(estimate: object) -> float:
    return float(getattr(estimate, "value", 0.0))


def _agreement(vote: tuple[object, ...], votes: Sequence[tuple[object, ...]]) -> int:
    return sum(item in other for other in votes for item in vote)
