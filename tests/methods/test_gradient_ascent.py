"""Gradient ascent and NegGrad+: their card's checks and pitfalls."""

import pytest
import torch

from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel
from tests.methods.spying import DATA, done, labels_drawn, loss_on, same_buffers
from tests.tiny import same_tensors, state_of

FORGET = DATA["train"].subset(DATA["train"].of_class(1))
ONE = {"epochs": 1, "batch_size": 30, "stop_at_chance": False}


def test_the_loss_on_the_class_rises_after_one_small_step(model: TrainedModel) -> None:
    after = done("gradient-ascent", model, **ONE, learning_rate=1e-3)
    assert loss_on(after.network, FORGET) > loss_on(model.network, FORGET)
    assert after.backward == 30


def test_a_step_of_length_0_is_the_identity(model: TrainedModel) -> None:
    assert same_tensors(done("gradient-ascent", model, **ONE, learning_rate=0).network, state_of(model.network))


@pytest.mark.parametrize(("bn_mode", "same"), [("eval", True), ("train", False)])
def test_class_pure_batches_move_statistics_only_in_train_mode(model: TrainedModel, bn_mode: str, same: bool) -> None:
    assert same_buffers(done("gradient-ascent", model, **ONE, bn_mode=bn_mode).network, model.network) is same


def test_the_default_leaves_the_statistics_and_sees_only_the_class(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = labels_drawn(monkeypatch)
    assert same_buffers(done("gradient-ascent", model).network, model.network)
    assert torch.cat(drawn).unique().tolist() == [1]


def test_it_stops_when_the_class_is_recognised_by_chance_only(model: TrainedModel) -> None:
    seen: list[int] = []
    watch = Watch(progress=lambda step, steps, loss: seen.append(step))
    done("gradient-ascent", model, watch, epochs=100, learning_rate=0.05, clip=10)
    assert 0 < len(seen) < 100


def test_it_stops_at_the_first_batch_at_chance_not_at_the_end_of_the_pass(model: TrainedModel) -> None:
    def steps(**changes: object) -> int:
        seen: list[int] = []
        watch = Watch(progress=lambda step, steps, loss: seen.append(step))
        given = {"epochs": 1, "batch_size": 2, "learning_rate": 0.05, "clip": 10, **changes}
        done("gradient-ascent", model, watch, **given)
        return len(seen)

    assert 0 < steps() < steps(stop_at_chance=False) == 15


def test_a_clipped_step_is_no_longer_than_allowed(model: TrainedModel) -> None:
    after = done("gradient-ascent", model, **ONE, learning_rate=1.0, clip=0.01, momentum=0, weight_decay=0)
    pairs = zip(after.network.parameters(), model.network.parameters(), strict=True)
    length = torch.cat([(one - two).flatten() for one, two in pairs]).norm()
    assert float(length) == pytest.approx(0.01, rel=1e-3)
