"""Pruning followed by fine-tuning, as the paper's tables are measured: by what the network answers."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from orthoui.data import Dataset
from orthoui.evaluation.predictions import PredictionMemo, Predictor
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.finetuning import Epoch, FineTuning, fine_tune
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.device import synchronise
from orthoui.models.room import Room
from orthoui.models.trained import TrainedModel


@dataclass(frozen=True)
class Tuned:
    """A network that was pruned and fine-tuned, by what it answers. ``seconds``: without any evaluation."""

    predictor: Predictor
    epochs: tuple[Epoch, ...]
    seconds: float


def tune(
    model: TrainedModel,
    data: Dataset,
    request: ForgetRequest,
    settings: FineTuning,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    report: Callable[[Epoch], None] = lambda epoch: None,
    notice: Callable[[str], None] = lambda sentence: None,
) -> Tuned:
    """Prune, and fine-tune on the retained training images; nothing is kept.

    Early stopping looks at retained calibration images only. On a full device it starts again on the processor and
    tells ``notice`` so. Raises ``CancelledError``, ``RequestError``, ``ResourceError``.
    """
    plan = make_plan(load_or_measure(model, data, request).profile, model.anatomy, request)
    held_out = data["calibration"].without(request.classes)

    def step(device: torch.device, _: int) -> Tuned:
        placed, epochs, judging = model.on(device), list[Epoch](), list[float]()

        def accuracy(network: nn.Module) -> float:
            begun = _now(device)
            answers = _predictor(placed, network).complete(held_out).argmax(1)
            judging.append(_now(device) - begun)
            return 100 * float((answers == held_out.labels.numpy()).mean())

        def told(epoch: Epoch) -> None:
            epochs.append(epoch)
            report(epoch)

        started = _now(device)
        network = fine_tune(
            pruned_network(placed.network, model.anatomy, plan),
            placed,
            data["train"].without(request.classes),
            settings,
            accuracy=accuracy,
            cancelled=cancelled,
            report=told,
        )
        return Tuned(_predictor(placed, network), tuple(epochs), _now(device) - started - sum(judging))

    return Room(model.device, report=notice).fit(step)


def _predictor(model: TrainedModel, network: nn.Module) -> Predictor:
    return Predictor(model, lambda: network, "fine-tuned", PredictionMemo(1))


def _now(device: torch.device) -> float:
    """Return the clock's seconds, once the device has done what it was given."""
    synchronise(device)
    return time.perf_counter()
