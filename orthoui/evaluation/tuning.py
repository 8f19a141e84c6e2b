"""Pruning followed by fine-tuning, measured like any other network."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from orthoui.data import Dataset, Split
from orthoui.errors import OrthoError
from orthoui.evaluation.accuracy import accuracies, confusion
from orthoui.evaluation.outcome import Measured
from orthoui.evaluation.predictions import PredictionMemo, Predictor
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.finetuning import Epoch, FineTuning, fine_tune
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.device import synchronise
from orthoui.models.room import Room
from orthoui.models.trained import TrainedModel

log = logging.getLogger(__name__)


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


def measure_fine_tuned(
    model: TrainedModel,
    data: Dataset,
    request: ForgetRequest,
    settings: FineTuning,
    split: Split = "test",
    *,
    cancelled: Callable[[], bool] = lambda: False,
    report: Callable[[Epoch], None] = lambda epoch: None,
    notice: Callable[[str], None] = lambda sentence: None,
) -> Measured:
    """Prune, fine-tune as ``tune`` does, and measure on ``split``."""
    tuned = tune(model, data, request, settings, cancelled=cancelled, report=report, notice=notice)
    logits, labels = tuned.predictor.complete(data[split]), data[split].labels.numpy()
    return Measured(
        accuracies(logits, labels, request.classes, split), confusion(logits, labels, len(data.classes)), exact=True
    )


def _predictor(model: TrainedModel, network: nn.Module) -> Predictor:
    return Predictor(model, lambda: network, "fine-tuned", PredictionMemo(1))


def _now(device: torch.device) -> float:
    """Return the clock's seconds, once the device has done what it was given."""
    synchronise(device)
    return time.perf_counter()


@dataclass
class _Progress:
    epochs: tuple[Epoch, ...] = ()
    result: Measured | None = None
    problem: str | None = None
    notices: tuple[str, ...] = ()


class FineTuningJob:
    """One fine-tuning in a thread of its own, for one session: watch its state, or cancel it."""

    def __init__(self, model: TrainedModel, data: Dataset, request: ForgetRequest, settings: FineTuning) -> None:
        self.request = request
        self.model = model.name
        self.settings = settings
        self._state = _Progress()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(model, data), daemon=True, name="fine-tuning")
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self._thread.is_alive()

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """Finished epochs."""
        return self._state.epochs

    @property
    def result(self) -> Measured | None:
        """What was measured, once it is done."""
        return self._state.result

    @property
    def problem(self) -> str | None:
        """Why there is no result, in words."""
        return self._state.problem

    @property
    def notices(self) -> tuple[str, ...]:
        """What had to give way to a full device, in sentences."""
        return self._state.notices

    def cancel(self) -> None:
        """Ask it to stop; it does within one step."""
        self._stop.set()

    def wait(self, seconds: float) -> None:
        """Wait until it is done, at most this long."""
        self._thread.join(seconds)

    def _run(self, model: TrainedModel, data: Dataset) -> None:
        def report(epoch: Epoch) -> None:
            self._state.epochs += (epoch,)

        def notice(sentence: str) -> None:
            self._state.notices += (sentence,)

        try:
            self._state.result = measure_fine_tuned(
                model, data, self.request, self.settings, cancelled=self._stop.is_set, report=report, notice=notice
            )
        except OrthoError as error:
            self._state.problem = str(error)
        except Exception:  # a thread has nobody else to tell
            log.exception("Fine-tuning failed.")
            self._state.problem = "Fine-tuning failed for a reason that the server's log names. Nothing was changed."
