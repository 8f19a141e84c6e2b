"""Small pictures of classes and images, as PNG."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from orthoui.data import Dataset, ImageSet, load_dataset
from orthoui.figures import data_uri, to_png


def picture(image: Tensor) -> NDArray[np.uint8]:
    """Turn one stored image (1 or 3, H, W) uint8 into (H, W, 3) uint8."""
    return np.ascontiguousarray(image.expand(3, -1, -1).permute(1, 2, 0).numpy())


def class_image(images: ImageSet, label: int, place: int = 0) -> Tensor:
    """Return the ``place``-th image of a class, (C, H, W) uint8, counting round when there are fewer."""
    positions = images.of_class(label)
    return images.images[positions[place % len(positions)]]


def class_thumbnails(dataset: str) -> tuple[str, ...]:
    """Return one data URI per class: the test image closest to the class's mean image."""
    return _thumbnails(dataset, load_dataset(dataset)["test"].digest)


@lru_cache(maxsize=64)
def _thumbnails(dataset: str, digest: str) -> tuple[str, ...]:  # noqa: ARG001  other images have other thumbnails
    data: Dataset = load_dataset(dataset)
    return tuple(data_uri(to_png(picture(_typical(data["test"], label)), 2)) for label in range(len(data.classes)))


def _typical(images: ImageSet, label: int) -> Tensor:
    group = images.images[images.of_class(label)]
    distance = (group.float() - group.float().mean(0)).square().flatten(1).sum(1)
    return group[int(torch.argmin(distance))]
