"""How fast the methods that train take their steps, each in turn with ``orthoui train`` on the same network."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product

import torch
from lightning_fabric import Fabric

from orthoui.bench.clock import repeated
from orthoui.bench.promises import STEPS_ROW
from orthoui.bench.rows import Row, median
from orthoui.bench.subjects import shortened
from orthoui.bench.training import BLOCK, images_for, step_seconds
from orthoui.bench.unlearning import FORGET
from orthoui.data import Dataset
from orthoui.errors import CancelledError
from orthoui.methods import METHODS, MethodRequest
from orthoui.methods.optimise import OptimiserRequest
from orthoui.methods.soft_pruning import TunedPruningRequest
from orthoui.methods.work import Watch, Work
from orthoui.models.device import synchronise
from orthoui.models.trained import TrainedModel
from orthoui.training.parallel import make_fabric

WARM_UP = 2
"""First steps of a method that are not counted."""
FORWARDS = 5
ONLY_STEPS = {"stop_at_chance": False, "noise_steps": 0, "tuning_rate": 1e-4}
"""Settings that keep a method from ending early, and from steps that train pixels instead of weights."""


@dataclass(frozen=True)
class Pace:
    """Seconds of a training step, and of a forward pass alone, of one batch."""

    step: float
    forward: float
    batch: int

    def seconds(self, forward: int, backward: int) -> float:
        """Return how long training needs for so many forward and backward passes of single images."""
        return (backward * self.step + (forward - backward) * self.forward) / self.batch


@dataclass
class Steps:
    """The clock, and the passes of single images so far, after every step of a method."""

    moments: list[float] = field(default_factory=list)
    forward: list[int] = field(default_factory=list)
    backward: list[int] = field(default_factory=list)

    @property
    def enough(self) -> bool:
        """Whether there was a step after the warm-up."""
        return len(self.moments) > WARM_UP + 1

    @property
    def counted(self) -> tuple[float, int, int]:
        """Seconds, forward and backward passes since the warm-up."""
        forward, backward = (passes[-1] - passes[WARM_UP] for passes in (self.forward, self.backward))
        return self.moments[-1] - self.moments[WARM_UP], forward, backward


def training_methods(model: TrainedModel) -> list[str]:
    """Return the methods that fit the model and go by optimiser steps of their own; Retrain is training itself."""
    kinds = (OptimiserRequest, TunedPruningRequest)
    return [
        name for name in METHODS if issubclass(METHODS[name].request, kinds) and not METHODS[name].obstacle(model)
    ]


def request_for(name: str, batch: int) -> MethodRequest:
    """Return a method's default request with all its batches of one size."""
    fields = METHODS[name].request.model_fields
    sizes = {field: batch for field in fields if field.endswith("batch_size")}
    return METHODS[name].request(
        classes=FORGET, **sizes, **{field: value for field, value in ONLY_STEPS.items() if field in fields}
    )


def method_steps(name: str, model: TrainedModel, data: Dataset, batch: int, count: int) -> Steps:
    """Run a method until it has taken ``count`` steps beyond the warm-up, or is done; return what was seen of it.

    Beside the door ``unlearn``, because the passes so far are asked for after every step.
    """
    steps = Steps()

    def told(step: int, _steps: int, _loss: float | None) -> None:
        if step:  # 0 is told while statistics are gathered
            synchronise(model.device)
            steps.moments.append(time.perf_counter())
            steps.forward.append(work.forward_passes)
            steps.backward.append(work.backward_passes)

    watch = Watch(told, lambda: len(steps.moments) > WARM_UP + count)
    work = Work(model, data, request_for(name, batch), watch)
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), suppress(CancelledError):
        METHODS[name].run(work)
    return steps


def training_pace(work: Work, fabric: Fabric, batch: int, blocks: int, forward: float) -> Pace:
    """Time ``orthoui train``, plain, on the model's own images and recipe; ``forward`` is known already."""
    card = work.model.card
    plain = {"batch_size": batch, "orthogonality": 0.0, "small_crop": 0, "forgets": ()}
    data, recipe = shortened(work.data, images_for(blocks, batch)), work.recipe.model_copy(update=plain)
    seconds = step_seconds(data, recipe, (card.mean, card.std), fabric)
    return Pace(sum(seconds) / len(seconds), forward, batch)


def forward_seconds(work: Work, batch: int) -> float:
    """Return the seconds of one batch's forward pass as methods ask a teacher: no gradients, fast precision."""
    inputs = work.model.prepare(shortened(work.data, batch)["train"].images)

    @torch.no_grad()
    def forward() -> None:
        work.logits(work.model.network, inputs)

    return median(repeated([forward] * FORWARDS, work.device))


def step_rates(
    model: TrainedModel, data: Dataset, batch: int, count: int, rounds: int, progress: Callable[[str], None]
) -> Row:
    """Measure every training method between as many steps of training before it and after it, in every round.

    What those two took is averaged, so that a machine that slows down or speeds up meanwhile favours nobody. Rounds
    go through all methods, so that a busy spell of the machine spoils one reading of some and not all of one.
    """
    work = Work(model, data, MethodRequest(classes=FORGET), Watch())
    forward, fabric = forward_seconds(work, batch), make_fabric(model.device)
    shares: dict[str, list[float]] = {}
    passes: dict[str, float] = {}
    names = training_methods(model)
    before = training_pace(work, fabric, batch, -(-count // BLOCK), forward)
    for turn, name in product(range(1, rounds + 1), names):
        progress(f"steps of {METHODS[name].title}, round {turn} of {rounds}")
        steps = method_steps(name, model, data, batch, count)
        after = training_pace(work, fabric, batch, -(-count // BLOCK), forward)
        if steps.enough:
            seconds, forwards, backwards = steps.counted
            training = (before.seconds(forwards, backwards) + after.seconds(forwards, backwards)) / 2
            shares.setdefault(name, []).append(100 * training / seconds)
            passes[name] = forwards / backwards
        before = after
    return rates_row(shares, passes, [name for name in names if name not in shares], batch, count, rounds)


def rates_row(
    shares: dict[str, list[float]],
    passes: dict[str, float],
    too_short: list[str],
    batch: int,
    count: int,
    rounds: int,
) -> Row:
    """Turn the step rates (percent of training's, one a round) and forward passes per backward pass into the row."""
    middle = {name: median(readings) for name, readings in shares.items()}
    worst = min(middle, key=lambda name: middle[name])
    listed = [
        f"{METHODS[name].title} {share:.0f} %" + (f" ({passes[name]:.1f} forward)" if passes[name] > 1.05 else "")
        for name, share in sorted(middle.items(), key=lambda pair: pair[1])
    ]
    listed += [f"{METHODS[name].title} ended too soon" for name in too_short]
    slowest = shares[worst]
    how = (
        f"n = {len(shares)} methods in {rounds} rounds, each up to {count} steps of {batch} images between as "
        f"many of plain training, medians of the rounds; the slowest is {METHODS[worst].title}, from "
        f"{min(slowest):.0f} to {max(slowest):.0f} %. Compared is the time that training needs for as many passes: a "
        "training step for each backward pass, a forward pass measured alone for each one beyond (in brackets: "
        f"forward passes per backward pass). {', '.join(listed)}"
    )
    return STEPS_ROW.measured(middle[worst], how)
