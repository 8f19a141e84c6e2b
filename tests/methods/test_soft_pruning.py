"""Soft pruning as a method among others: what its clock counts; what it does is tested in tests/forgetting."""

import time

import pytest
from torch import nn

from orthoui.data import ImageSet
from orthoui.methods.work import Work
from orthoui.models.trained import TrainedModel
from tests.methods.spying import done


def test_choosing_the_best_epoch_is_no_work_time(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, measure, late = time.perf_counter, Work.error, [0.0]

    def slowly(work: Work, network: nn.Module, images: ImageSet) -> float:
        late[0] += 1000
        return measure(work, network, images)

    monkeypatch.setattr(time, "perf_counter", lambda: clock() + late[0])
    monkeypatch.setattr(Work, "error", slowly)
    seconds = done("soft-pruning-tuned", model, tuning_epochs=2, images_per_class=5).seconds
    assert 0 < seconds["optimisation"] < 1000 <= late[0]


def test_how_long_it_was_fine_tuned_is_told(model: TrainedModel) -> None:
    one, two = [
        done("soft-pruning-tuned", model, tuning_epochs=most, tuning_rate=0.001, images_per_class=5)
        for most in (1, 2)
    ]
    assert one.notes[-1] == "Fine-tuned for one epoch."
    assert two.notes[-1] == "Fine-tuned for 2 epochs; the best by calibration accuracy was kept."
