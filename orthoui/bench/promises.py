"""Rows of the groups that take minutes, with their goals; apart from what measures them, which is slow to load."""

from orthoui.bench.rows import PLACES, Row

KINDS = {"plain": 0.0, "orthogonal": 0.01}
"""Trainings that are timed, by the weight λ of their penalty."""
DEVICES = ("cpu", "cuda")
"""Kinds of devices that training is timed on."""


def training_row(kind: str, device: str) -> Row:
    """Return the empty row of a training's speed on a kind of device."""
    place = PLACES.get(device, device)
    what = f"training, {kind}, ResNet-18 of the paper's width, against the convolution peak of {place}"
    return Row(what=what, unit="%", goal=50, bound="at least")


FASTEST_ROW = Row(
    what="soft pruning as in the paper, profile included, against the fastest method with gradients, embedded model",
    unit="×",
    goal=100,
    bound="at least",
)
RECOMMENDED_ROW = Row(
    what="the same with the setting recommended for that model, whose profile takes longer", unit="×"
)
RETRAIN_ROW = Row(
    what="soft pruning as in the paper, profile included, against Retrain, CIFAR-10, ResNet-18 of the paper's width",
    unit="×",
    goal=10_000,
    bound="at least",
)
SSD_ROW = Row(what="SSD against its two gradient passes alone, embedded model", unit="×", goal=1.2)
STEPS_ROW = Row(
    what="step rate of the slowest training method against “orthoui train”, embedded model",
    unit="%",
    goal=80,
    bound="at least",
)
QUEUE_ROW = Row(what="from the queue to the end of a job's first step, warm worker, embedded model", unit="s", goal=1)
CLUSTER_ROW = Row(
    what="six methods on a cluster of two workers, one killed half-way, against the best possible time",
    unit="×",
    goal=1.15,
)
TRAINING_ROWS = tuple(training_row(kind, device) for device in DEVICES for kind in KINDS)
METHOD_ROWS = (FASTEST_ROW, RECOMMENDED_ROW, RETRAIN_ROW, SSD_ROW, STEPS_ROW, QUEUE_ROW)
