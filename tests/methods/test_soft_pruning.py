"""Soft pruning as a method among others: what its clock counts; what it does is tested in tests/forgetting."""

import time

import pytest
from torch import nn

from orthoui.data import ImageSet
from orthoui.methods import METHODS, unlearn
from orthoui.methods.work import Work
from orthoui.models.trained import TrainedModel
from tests.methods.spying import DATA, done
from tests.tiny import same_tensors, state_of


def test_choosing_the_best_epoch_is_work_as_with_every_other_method(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, measure, late = time.perf_counter, Work.error, [0.0]

    def slowly(work: Work, network: nn.Module, images: ImageSet) -> float:
        late[0] += 1000
        return measure(work, network, images)

    monkeypatch.setattr(time, "perf_counter", lambda: clock() + late[0])
    monkeypatch.setattr(Work, "error", slowly)
    seconds = done("soft-pruning-tuned", model, tuning_epochs=2, images_per_class=5).seconds
    assert seconds["optimisation"] > late[0] >= 1000


def test_a_random_choice_looks_at_no_image(model: TrainedModel) -> None:
    method = METHODS["random-channels"]
    chosen = unlearn(method, model, DATA, method.request(classes=(1,), ratio=0.5))
    assert (chosen.samples, chosen.forward) == (0, 0)
    assert not same_tensors(chosen.network, state_of(model.network))


def test_how_long_it_was_fine_tuned_is_told(model: TrainedModel) -> None:
    one, two = [
        done("soft-pruning-tuned", model, tuning_epochs=most, tuning_rate=0.001, images_per_class=5)
        for most in (1, 2)
    ]
    assert one.notes[-1] == "Fine-tuned for one epoch."
    assert two.notes[-1] == "Fine-tuned for 2 epochs; the best by calibration accuracy was kept."
