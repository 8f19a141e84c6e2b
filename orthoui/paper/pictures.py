"""What the figures' cells measure: maps of the first layer, and heatmaps; kept as pictures in the table's file."""

import numpy as np
import torch
from numpy.typing import NDArray

from orthoui.data import ImageSet
from orthoui.evaluation.channels import activation_maps
from orthoui.evaluation.gradcam import grad_cam
from orthoui.evaluation.heatmaps import drift
from orthoui.evaluation.predictions import Predictor
from orthoui.evaluation.variants import original, planned
from orthoui.forgetting.activations import read_point
from orthoui.paper.measures import Answer, Task, measure
from orthoui.paper.plans import beside
from orthoui.paper.printed import Quantity
from orthoui.paper.schema import Pictures, Pixels, Value
from orthoui.paper.setting import Setting

FORGOTTEN_IMAGES = 4
RETAINED_IMAGES = 4
Maps = NDArray[np.float32]


@measure("first-layer forgotten", cost=0.2)
def forgotten_maps(task: Task) -> Answer:
    """Maps of the first layer for an image of the forgotten class."""
    return _first_layer(task, task.classes[0])


@measure("first-layer retained", cost=0.2)
def retained_maps(task: Task) -> Answer:
    """Maps of the first layer for an image of a retained class."""
    return _first_layer(task, beside(Setting(forget_class=task.classes[0]), task.data.classes))


@measure("heatmaps before", cost=0.5)
def heatmaps_before(task: Task) -> Answer:
    """Where the network looks as it was trained."""
    return _heatmaps(task, original(task.model))


@measure("heatmaps after", cost=1)
def heatmaps_after(task: Task) -> Answer:
    """Where it looks after pruning, and how far that is from before."""
    return _heatmaps(task, planned(task.model, task.plan()), against=original(task.model))


@measure("heatmaps retrained", cost=0.5)
def heatmaps_retrained(task: Task) -> Answer:
    """Where a network looks that never saw the class."""
    return _heatmaps(task, original(task.model))


def _first_layer(task: Task, label: int) -> Answer:
    plan, layer = task.plan(), task.model.anatomy.names[0]
    images = task.data["test"]
    image = images.images[images.of_class(label)[0]]
    maps = [activation_maps(task.model, used, image, layer, task.asked.read_at) for used in (None, plan)]
    part = plan.layers[layer]
    kept = dict(zip(part.channels.tolist(), part.keep.tolist(), strict=True))
    peaks: tuple[Quantity, ...] = ("peak", "peak_after")
    values = {name: _peak(found, list(kept)) for name, found in zip(peaks, maps, strict=True)}
    pictures = {name: Pictures.of_values(found) for name, found in zip(("before", "after"), maps, strict=True)}
    return Answer(values, pruned=kept, pictures={"image": Pictures.of(_colours(image[None])), **pictures})


def _peak(maps: Maps, channels: list[int]) -> Value:
    return Value(value=float(maps[channels].max(axis=(1, 2)).mean()), n=len(channels))


def _heatmaps(task: Task, predictor: Predictor, against: Predictor | None = None) -> Answer:
    chosen = _examples(task)
    seen = _looked(task, predictor, chosen)
    pictures = {"heat": Pictures.of(np.rint(255 * seen).astype(np.uint8))}
    pictures["image"] = Pictures.of(_colours(task.model.framed(chosen.images)))
    if against is None:
        return Answer({}, pictures=pictures)
    moved = drift(_looked(task, against, chosen), seen)[:FORGOTTEN_IMAGES]
    known = moved[~np.isnan(moved)]
    values: dict[Quantity, Value] = {"drift": Value(value=float(known.mean()), n=len(known))} if len(known) else {}
    return Answer(values, pictures=pictures)


def _looked(task: Task, predictor: Predictor, images: ImageSet) -> Maps:
    task.look()
    module = read_point(task.model.anatomy.layers[-1], "bn")
    found = grad_cam(predictor.make(), module, task.model.prepare(images.images), images.labels.tolist())
    return found.maps


def _examples(task: Task) -> ImageSet:
    """The first test images of the forgotten class, then the first one of some others."""
    images = task.data["test"]
    others = [label for label in range(len(task.data.classes)) if label not in task.classes][:RETAINED_IMAGES]
    forgotten = images.of_class(task.classes[0])[:FORGOTTEN_IMAGES]
    return images.subset(torch.cat([forgotten, *(images.of_class(label)[:1] for label in others)]))


def _colours(images: torch.Tensor) -> Pixels:
    """Stored images (N, 1 or 3, H, W) uint8 as (N, H, W, 3)."""
    return images.cpu().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy().copy()
