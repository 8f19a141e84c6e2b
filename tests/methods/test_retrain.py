"""Retraining, its card's checks: nothing of the old weights, no image of the class, not one answer with it."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from orthoui.errors import CancelledError
from orthoui.methods import METHODS, Unlearned, unlearn
from orthoui.methods.retrain import STATE
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel
from orthoui.training import loop
from orthoui.training.loop import Training
from tests.methods.spying import DATA, accuracy_on
from tests.tiny import as_model, same_tensors, state_of

RECIPE = {"dataset": "tiny", "width": 4, "epochs": 4, "batch_size": 20, "learning_rate": 0.05}


def retrained(model: TrainedModel, watch: Watch | None = None, **fields: object) -> Unlearned:
    whole = as_model(model.network, model.card.model_copy(update={"recipe": RECIPE}))
    return unlearn(METHODS["retrain"], whole, DATA, METHODS["retrain"].request(classes=(1,), **fields), watch)


def test_no_image_of_the_class_is_a_target(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Tensor] = []
    measure = nn.functional.cross_entropy

    def spy(logits: Tensor, labels: Tensor, **options: float) -> Tensor:
        shown.append(labels)
        return measure(logits, labels, **options)

    monkeypatch.setattr(nn.functional, "cross_entropy", spy)
    retrained(model, epochs=2)
    assert torch.cat(shown).unique().tolist() == [0, 2, 3]


def test_one_that_was_stopped_goes_on_from_its_last_epoch(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "TOLD_EVERY", 0.0)
    seen: list[float] = []

    def stopped() -> bool:
        return bool(seen) and seen[-1] > 0.6  # of four epochs

    watch = Watch(lambda step, steps, loss: seen.append(step / steps), stopped, tmp_path)
    with pytest.raises(CancelledError):
        retrained(model, watch)
    before = len(seen)
    after = retrained(model, replace(watch, cancelled=lambda: False))
    assert 0.5 < seen[before] <= 0.75
    assert same_tensors(after.network, state_of(retrained(model).network))
    assert not list(tmp_path.iterdir())


def test_a_state_of_another_training_is_left_aside(model: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(b"no state")
    found = retrained(model, Watch(folder=tmp_path), epochs=1)
    assert same_tensors(found.network, state_of(retrained(model, epochs=1).network))


def test_the_class_is_never_an_answer_and_all_outputs_stay(model: TrainedModel) -> None:
    network = retrained(model, epochs=8).network
    assert accuracy_on(network, DATA["test"].subset(DATA["test"].of_class(1))) == 0
    assert accuracy_on(network, DATA["test"].without((1,))) > 0.5
    assert network.fc.out_features == 4


def test_every_layer_begins_anew_nested_ones_too(model: TrainedModel) -> None:
    fresh = retrained(model, epochs=1).network
    for layer in model.anatomy.layers:
        old, new = (network.get_submodule(layer.name).weight for network in (model.network, fresh))
        assert not torch.isclose(old, new, rtol=0, atol=0).any()
        assert abs(float(torch.corrcoef(torch.stack([old.flatten(), new.flatten()]))[0, 1])) < 0.5


def test_another_seed_is_another_network(model: TrainedModel) -> None:
    one, two = (retrained(model, epochs=1, seed=seed).network for seed in (1, 2))
    assert not torch.equal(one.conv1.weight, two.conv1.weight)


def test_the_accuracy_after_every_epoch_is_no_work_time(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, measure, late = time.perf_counter, Training._calibration_accuracy, [0.0]

    def slowly(training: Training) -> float:
        late[0] += 1000
        return measure(training)

    monkeypatch.setattr(time, "perf_counter", lambda: clock() + late[0])
    monkeypatch.setattr(Training, "_calibration_accuracy", slowly)
    assert 0 < retrained(model, epochs=2).seconds["optimisation"] < 1000 <= late[0]
