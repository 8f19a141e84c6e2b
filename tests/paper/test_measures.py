"""What is timed, and what is not."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from orthoui.evaluation import tuning
from orthoui.evaluation.predictions import Predictions, Predictor
from orthoui.forgetting import finetuning
from orthoui.forgetting.request import ForgetRequest
from orthoui.models.zoo import Zoo
from orthoui.paper.measures import MEASURES, Task


def test_the_time_of_fine_tuning_is_without_evaluation(models: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """On this clock a step takes a second and an evaluation a hundred."""
    now, step, stream = [0.0], finetuning._step, Predictor.stream

    def one_second(*given: Any) -> float:
        now[0] += 1
        return step(*given)

    def hundred_seconds(*given: Any) -> Iterator[Predictions]:
        now[0] += 100
        yield from stream(*given)

    monkeypatch.setattr(tuning, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(finetuning, "_step", one_second)
    monkeypatch.setattr(Predictor, "stream", hundred_seconds)
    model = models.get("tiny-orthogonal")
    answer = MEASURES["fine-tuned"].function(Task(model, model.data(), 1, ForgetRequest(classes=(1,)), 0))
    assert answer.epochs and now[0] == 101 * len(answer.epochs) + 100
    assert answer.values["seconds"].value == len(answer.epochs)
