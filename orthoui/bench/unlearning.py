"""Soft pruning against what else there is: the fastest method with gradients, Retrain; and SSD against its passes."""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from orthoui.bench.clock import alternating
from orthoui.bench.promises import FASTEST_ROW, RECOMMENDED_ROW, SSD_ROW
from orthoui.bench.rows import Row, amount, described, median
from orthoui.data import Dataset, ImageSet
from orthoui.errors import CancelledError
from orthoui.jobs.method import MethodRun, request_of
from orthoui.methods import METHODS, MethodRequest, unlearn
from orthoui.methods.importance import mean_square
from orthoui.methods.ssd import DampeningRequest
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel

PRUNING = "soft-pruning"
FORGET = (0,)
PATIENCE = 1.5
"""A method that has taken so many times as long as the fastest so far is not the fastest, and is stopped."""

Ask = Callable[[int], MethodRequest]
"""From the number of a class to the request that forgets it."""


def as_in_the_paper(label: int) -> MethodRequest:
    """Return the request of soft pruning with its defaults, which are the paper's."""
    return METHODS[PRUNING].request(classes=(label,))


def pruning_seconds(model: TrainedModel, data: Dataset, repeats: int, ask: Ask = as_in_the_paper) -> list[float]:
    """Return the seconds that soft pruning takes by the methods' own clock; every repeat forgets another class.

    Profile, plan and application, nothing cached. One more that goes first is not counted.
    """

    def once(number: int) -> float:
        request = ask(number % len(data.classes))
        return sum(unlearn(METHODS[PRUNING], model, data, request).seconds.values())

    return [once(number) for number in range(-1, repeats)][1:]


@dataclass
class Race:
    """Who came in, with the seconds of each, and who was stopped on the way."""

    seconds: dict[str, float] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)

    @property
    def fastest(self) -> str:
        """Name of the fastest method."""
        return min(self.seconds, key=lambda name: self.seconds[name])

    @property
    def limit(self) -> float:
        """Seconds after which the next one need not go on."""
        return PATIENCE * min(self.seconds.values(), default=math.inf)


def with_gradients(model: TrainedModel) -> list[str]:
    """Return the methods that compute gradients and fit the model; first those that read the class only."""
    fitting = [name for name in METHODS if "gradients" in METHODS[name].needs and not METHODS[name].obstacle(model)]
    return sorted(fitting, key=lambda name: "retain images" in METHODS[name].needs)


def race(model: TrainedModel, data: Dataset, names: Sequence[str]) -> Race:
    """Run every method once, each by its default request; slow ones are stopped when they cannot win any more."""
    result = Race()
    for name in names:
        spent = _seconds_within(result.limit, name, model, data)
        if spent is None:
            result.stopped.append(name)
        else:
            result.seconds[name] = spent
    return result


def _seconds_within(limit: float, name: str, model: TrainedModel, data: Dataset) -> float | None:
    """Return the seconds by the method's own clock; None for one that was stopped at the limit."""
    deadline = time.monotonic() + limit
    watch = Watch(cancelled=lambda: time.monotonic() > deadline)
    try:
        done = unlearn(METHODS[name], model, data, METHODS[name].request(classes=FORGET), watch)
    except CancelledError:
        return None
    return sum(done.seconds.values())


def against_fastest(
    model: TrainedModel, data: Dataset, repeats: int, progress: Callable[[str], None]
) -> Iterator[Row]:
    """Measure soft pruning, and every method with gradients until it is clear which of them is the fastest."""
    progress("every method with gradients, until the fastest is known")
    others = race(model, data, with_gradients(model))
    progress("soft pruning")
    yield pruning_row(FASTEST_ROW, pruning_seconds(model, data, repeats), others)

    def recommended(label: int) -> MethodRequest:
        return request_of(MethodRun(model=model.name, method=PRUNING, classes=(label,)), model)

    yield pruning_row(RECOMMENDED_ROW, pruning_seconds(model, data, repeats, recommended), others)


def pruning_row(row: Row, pruning: list[float], others: Race) -> Row:
    """Turn the seconds of soft pruning and of all others into the ratio to the fastest of them."""
    fastest, ran = others.fastest, len(others.seconds) + len(others.stopped)
    spent = others.seconds[fastest]
    how = (
        f"{described([1000 * seconds for seconds in pruning], 'ms', 'prunings, another class each')}; the fastest of "
        f"{ran} methods, each run once with its default request, is {METHODS[fastest].title}: {amount(spent, 's')}; "
        f"{len(others.stopped)} were stopped at {PATIENCE:g} × the fastest before them"
    )
    return row.measured(spent / median(pruning), how)


def dampening(model: TrainedModel, data: Dataset, repeats: int) -> Row:
    """Measure SSD, in turn with its two passes: gradients of every batch, squared and summed, images made ready."""
    request = DampeningRequest(classes=FORGET)
    network = copy.deepcopy(model.network).requires_grad_(True)
    parameters = list(network.parameters())
    both = [_prepared(model, images, request.batch_size) for images in (data["train"].only(FORGET), data["train"])]

    def gradients(batches: list[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, ...]]:
        for inputs, labels in batches:
            yield torch.autograd.grad(F.cross_entropy(network(inputs), labels), parameters)

    def passes() -> None:
        for batches in both:
            mean_square(gradients(batches))

    def whole() -> None:
        unlearn(METHODS["ssd"], model, data, request)

    bare, full = alternating(passes, whole, model.device, repeats)
    return dampening_row(bare, full, sum(len(labels) for batches in both for _, labels in batches))


def dampening_row(bare: list[float], full: list[float], images: int) -> Row:
    """Turn the seconds of the passes alone and of the whole method into the row."""
    ratios = [slow / fast for slow, fast in zip(full, bare, strict=True)]
    how = (
        f"{described(ratios, '×', 'pairs in turn')}; both passes alone {amount(median(bare), 's')}, SSD "
        f"{amount(median(full), 's')} for {images:,} images, float32; a pass is the "
        "gradient of every batch, squared and summed, from images made ready before"
    )
    return SSD_ROW.measured(median(ratios), how)


def _prepared(model: TrainedModel, images: ImageSet, size: int) -> list[tuple[Tensor, Tensor]]:
    pairs = zip(torch.split(images.images, size), torch.split(images.labels, size), strict=True)
    return [(model.prepare(pixels), labels.to(model.device)) for pixels, labels in pairs]
