"""The same images through the eyes of several networks, and how far each one's look has moved."""

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from orthoui.data import ImageSet
from orthoui.errors import UnknownNameError
from orthoui.evaluation.accuracy import NORMAL_95
from orthoui.evaluation.gradcam import Heatmaps, Maps, grad_cam
from orthoui.evaluation.predictions import PredictionMemo, Predictor
from orthoui.evaluation.variants import Variant
from orthoui.forgetting.activations import read_point

Order = Literal["most", "least", "stored"]
Drift = NDArray[np.float64]

MEMO_MB = 32
EMPTY = 1e-6
"""A map that sums to less shows nothing: nothing in the image speaks for the class."""

_turns = threading.Lock()
"""One Grad-CAM at a time: two at once would only slow each other down."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """N images explained by several networks for the same classes ``targets`` (N,).

    ``drift`` (N,) is the distance of the maps before and after, see ``drift``; ``vanished`` (N,) marks images in
    which something spoke for the class before and nothing does after.
    """

    targets: tuple[int, ...]
    seen: Mapping[Variant, Heatmaps]
    drift: Drift
    vanished: NDArray[np.bool_]

    @property
    def notices(self) -> tuple[str, ...]:
        """What had to give way to a full device, each sentence once."""
        return tuple(dict.fromkeys(notice for looks in self.seen.values() for notice in looks.notices))


@dataclass(frozen=True)
class DriftMean:
    """Mean drift with the half-width of its 95 % interval; None where it was not measured.

    ``n`` images have a drift and ``vanished`` of the others had a map before and have none after.
    """

    value: float | None
    margin: float | None
    n: int
    vanished: int


def drift(before: Maps, after: Maps) -> Drift:
    """Return how far attention moved between maps (N, H, W): (N,), 0 … 1, NaN where it is not measured.

    The total variation distance: half the L1 distance of the two maps, each divided by its sum. 0: the same
    places, alike weighted; 1: nowhere the same. A map of zeros looks nowhere, so that no distance to it exists:
    not measured, whether one map is empty or both.
    """
    sums = [maps.sum(axis=(1, 2), dtype=np.float64) for maps in (before, after)]
    shares = [
        maps / np.where(total > EMPTY, total, np.nan)[:, None, None]
        for maps, total in zip((before, after), sums, strict=True)
    ]
    return np.asarray(0.5 * np.abs(shares[0] - shares[1]).sum(axis=(1, 2)))


def empty(maps: Maps) -> NDArray[np.bool_]:
    """Return which maps (N, H, W) show nothing, (N,)."""
    return np.asarray(maps.sum(axis=(1, 2), dtype=np.float64) <= EMPTY)


def ranked(comparison: Comparison, order: Order) -> NDArray[np.int64]:
    """Return the places 0 … N − 1 in order of change; ties stay as stored, what is not measured comes last.

    A look that vanished counts as the largest change.
    """
    if order == "stored":
        return np.arange(len(comparison.drift))
    change = np.where(comparison.vanished, np.inf, comparison.drift)
    return np.argsort(-change if order == "most" else change, kind="stable")


def mean_drift(comparison: Comparison) -> DriftMean:
    """Return the mean drift of the images that have one, with its 95 % interval (normal approximation)."""
    values = comparison.drift[~np.isnan(comparison.drift)]
    vanished = int(comparison.vanished.sum())
    if not len(values):
        return DriftMean(None, None, 0, vanished)
    margin = NORMAL_95 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else None
    return DriftMean(float(values.mean()), margin, len(values), vanished)


def sample(images: ImageSet, classes: Sequence[int], count: int) -> Tensor:
    """Return the positions of about ``count`` images, the first ones of every class, at least one of each."""
    each = max(1, count // len(classes))
    return torch.cat([images.of_class(label)[:each] for label in classes])


def compare(
    predictors: Mapping[Variant, Predictor],
    images: ImageSet,
    targets: Sequence[int],
    layer: str,
    *,
    remember: bool = True,
) -> Comparison:
    """Explain ``targets`` (N,) in ``images`` (N) by each network, read behind ``layer``'s batch norm.

    ``predictors`` holds at least “before” and “after”. Results are memoised for the whole process; ``remember``
    is False for a person's own pictures, which nobody else's session may hold. Raises ``UnknownNameError`` for a
    layer or class the model does not have.
    """
    model = predictors["before"].model
    module = read_point(model.anatomy[layer], "bn")
    for target in targets:
        if not 0 <= target < len(model.card.classes):
            raise UnknownNameError("class", target, range(len(model.card.classes)))
    seen: dict[Variant, Heatmaps] = {
        name: _looked(predictor, images, tuple(targets), module, memo() if remember else PredictionMemo(1))
        for name, predictor in predictors.items()
    }
    return _compared(tuple(targets), seen)


def with_another(compared: Comparison, predictor: Predictor, images: ImageSet, layer: str) -> Comparison:
    """Return the comparison of the same images “before” with another network in the place of “after”."""
    module = read_point(predictor.model.anatomy[layer], "bn")
    after = _looked(predictor, images, compared.targets, module, memo())
    return _compared(compared.targets, {"before": compared.seen["before"], "after": after})


def _compared(targets: tuple[int, ...], seen: Mapping[Variant, Heatmaps]) -> Comparison:
    before, after = seen["before"].maps, seen["after"].maps
    return Comparison(targets, seen, drift(before, after), ~empty(before) & empty(after))


@lru_cache(maxsize=1)
def memo() -> PredictionMemo:
    """Return the memo of this process for maps and their logits."""
    return PredictionMemo(MEMO_MB)


def _looked(
    predictor: Predictor, images: ImageSet, targets: tuple[int, ...], module: str, memo: PredictionMemo
) -> Heatmaps:
    model = predictor.model
    key = (model.digest, predictor.digest, images.digest, module, ",".join(map(str, targets)))
    with _turns:
        maps, logits = memo.get((*key, "maps")), memo.get((*key, "logits"))
        if maps is not None and logits is not None:
            return Heatmaps(maps, logits)
        found = grad_cam(predictor.make(), module, model.prepare(images.images), targets)
        memo.put((*key, "maps"), found.maps)
        memo.put((*key, "logits"), found.logits)
    return found
