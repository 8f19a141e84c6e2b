"""Small made-up results, so that every figure can be drawn without a model."""

import numpy as np

from orthoui.figures import AccuracySeries, Destination, LayerDifferences

CLASSES = ["Dress", "Sneaker", "Bag"]
FORGOTTEN = {1}


def series(kind: str, *values: float | None) -> AccuracySeries:
    low = tuple(None if value is None else value - 1 for value in values)
    high = tuple(None if value is None else value + 1 for value in values)
    return AccuracySeries(kind, kind, values, low, high)  # type: ignore[arg-type]


FIVE = [
    series("before", 90.0, 97.2, 95.0),
    series("after", 91.0, 0.6, 94.0),
    series("retrained", 90.5, 0.0, 95.5),
    series("random", 80.0, 91.0, 90.0),
    series("mask", 90.0, 0.0, 95.0),
]

SHARES = [
    Destination("Dress", 4.0, 0.5, 3.0),
    Destination("Sneaker", 0.6, 97.2, 0.0),
    Destination("Sandal", 61.0, 1.0, 58.0),
    Destination("Boot", 33.0, 1.0, 37.0),
    Destination("Bag", 1.0, 0.2, 1.5),
    Destination("Coat", 0.4, 0.1, 0.5),
]


def layers(*channels: int, ratio: float = 0.05) -> list[LayerDifferences]:
    """Layers with torchvision-like names; the largest ``ratio`` of each is pruned."""
    random = np.random.default_rng(0)
    made = []
    for place, count in enumerate(channels):
        values = random.standard_t(4, count)
        order = np.argsort(-values)
        pruned = np.zeros(count, dtype=bool)
        pruned[order[: int(ratio * count)]] = True
        cut = float(values[pruned].min()) if pruned.any() else None
        made.append(LayerDifferences(f"layer{1 + place // 5}.{place % 2}.conv{1 + place % 3}", values, pruned, cut))
    return made


RESNET_18 = (64,) * 5 + (128,) * 5 + (256,) * 5 + (512,) * 5
