"""What a cell can measure, by name. A method of Table 2 that is added elsewhere enters by the same door::

@measure("SSD", cost=40)
def ssd(task: Task) -> Answer: ...
"""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from pydantic import JsonValue

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.evaluation.accuracy import Estimate, accuracies
from orthoui.evaluation.predictions import Predictor, sampling_order
from orthoui.evaluation.privacy import membership_of
from orthoui.evaluation.tuning import tune
from orthoui.evaluation.variants import original, planned
from orthoui.forgetting.application import pruned_tensors
from orthoui.forgetting.finetuning import Epoch, FineTuning
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.profiles import measure as measure_profile
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.device import synchronise
from orthoui.models.trained import TrainedModel
from orthoui.paper.printed import Quantity
from orthoui.paper.schema import Pictures, Value
from orthoui.registry import Registry

TIMED_RUNS = 5
Step = TypeVar("Step")


@dataclass(frozen=True, eq=False)
class Task:
    """One draw of a cell.

    ``look`` is called often and raises when someone wants to stop; ``tell`` takes how far a long one is, 0 … 1.
    """

    model: TrainedModel
    data: Dataset
    forget_class: int
    request: ForgetRequest | None
    seed: int
    look: Callable[[], None] = lambda: None
    tell: Callable[[float], None] = lambda share: None
    cancelled: Callable[[], bool] = lambda: False

    @property
    def asked(self) -> ForgetRequest:
        """The request of a cell that forgets. Raises ``RequestError`` for one that does not."""
        if self.request is None:
            raise RequestError("This cell forgets nothing: it has no request.")
        return self.request

    @property
    def classes(self) -> tuple[int, ...]:
        """The forgotten classes."""
        return self.request.classes if self.request else (self.forget_class,)

    def plan(self) -> Plan:
        """Return the plan of the request, from the cached profile if there is one."""
        profile = load_or_measure(self.model, self.data, self.asked).profile
        return make_plan(profile, self.model.anatomy, self.asked)


@dataclass(frozen=True)
class Answer:
    """What one draw measured."""

    values: Mapping[Quantity, Value]
    pruned: Mapping[int, float] = field(default_factory=dict)
    pictures: Mapping[str, Pictures] = field(default_factory=dict)
    fine_tuning: FineTuning | None = None
    epochs: Sequence[Epoch] = ()
    settings: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """A registered way to measure. ``cost`` is its time, about, in evaluations of the test split."""

    function: Callable[[Task], Answer]
    cost: float


MEASURES: Registry[Measure] = Registry("measure")


def measure(name: str, *, cost: float = 1) -> Callable[[Callable[[Task], Answer]], Callable[[Task], Answer]]:
    """Register a function ``(task) -> Answer`` as what cells of that name measure."""

    def register(function: Callable[[Task], Answer]) -> Callable[[Task], Answer]:
        MEASURES.add(name)(Measure(function, cost))
        return function

    return register


@measure("trained")
def trained(task: Task) -> Answer:
    """The network as it was trained."""
    return Answer(accuracies_of(task, original(task.model)))


@measure("pruned")
def pruned(task: Task) -> Answer:
    """The network after pruning."""
    return Answer(accuracies_of(task, planned(task.model, task.plan())))


@measure("OSP", cost=2)
def soft_pruning(task: Task) -> Answer:
    """Table 2's own row: accuracies, what an attacker still recognises, and the time it takes."""
    predictor = planned(task.model, task.plan())
    values = accuracies_of(task, predictor)
    return Answer({**values, **attacked(task, predictor, task.asked), "seconds": _pruning_time(task)})


@measure("Retrain", cost=2)
def retrained(task: Task) -> Answer:
    """A network that never saw the class; its time is that of its training."""
    predictor = original(task.model)
    values = {**accuracies_of(task, predictor), **attacked(task, predictor, ForgetRequest(classes=task.classes))}
    seconds = task.model.card.training_seconds
    return Answer(values if seconds is None else {**values, "seconds": Value(value=seconds, n=1)})


@measure("fine-tuned", cost=40)
def fine_tuned(task: Task) -> Answer:
    """The network after pruning and fine-tuning on retained images; its time is without any evaluation."""
    retained = len(task.data["train"].without(task.asked.classes))
    settings = FineTuning(seed=task.seed, batch_size=min(FineTuning().batch_size, retained))
    tuned = tune(task.model, task.data, task.asked, settings, cancelled=task.cancelled)
    values = {**accuracies_of(task, tuned.predictor), "seconds": Value(value=tuned.seconds, n=1)}
    return Answer(values, fine_tuning=settings, epochs=tuned.epochs)


def accuracies_of(task: Task, predictor: Predictor) -> dict[Quantity, Value]:
    """Return the accuracies on all test images."""
    images = task.data["test"]
    steps = predictor.stream(images, sampling_order(images.labels, task.classes))
    logits = _last(steps, task.look).logits
    sizes = torch.bincount(images.labels, minlength=len(task.data.classes)).numpy()
    found = accuracies(logits, images.labels.numpy(), task.classes, "test", class_sizes=sizes)
    return _named(found.forget, found.retain)


def _named(forget: Estimate | None, retain: Estimate | None) -> dict[Quantity, Value]:
    pairs: tuple[tuple[Quantity, Estimate | None], ...] = (("forget_accuracy", forget), ("retain_accuracy", retain))
    return {name: Value(**found.model_dump()) for name, found in pairs if found is not None}


def attacked(task: Task, predictor: Predictor, request: ForgetRequest) -> dict[Quantity, Value]:
    """Return what an attacker still recognises, convention A."""
    result = _last(membership_of(predictor, task.data, request), task.look)
    a = None if result is None else result.convention_a
    return {} if a is None else {"membership": Value(value=a.mean, low=a.low, high=a.high, n=a.n_judged)}


def _last(steps: Iterable[Step], look: Callable[[], None]) -> Step:
    for last in steps:  # noqa: B007  the last one is what is asked for
        look()
    return last


def _pruning_time(task: Task) -> Value:
    """Return the seconds from the images to the scaled filters: median, least and most of several runs."""
    times = []
    for run in range(TIMED_RUNS + 1):
        task.look()
        started = time.perf_counter()
        request = task.asked
        profile = measure_profile(
            task.model, task.data["train"], request.images_per_class, request.read_at, request.seed
        )
        pruned_tensors(task.model.network, task.model.anatomy, make_plan(profile, task.model.anatomy, request))
        synchronise(task.model.device)
        if run:  # the first one only warms up
            times.append(time.perf_counter() - started)
    return Value(value=statistics.median(times), low=min(times), high=max(times), n=len(times))
