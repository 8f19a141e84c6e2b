"""Soft pruning against other methods, SSD against its passes, step rates: the arithmetic, and that each runs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from orthoui.bench import retraining, stepping, unlearning
from orthoui.bench.promises import FASTEST_ROW
from orthoui.bench.stepping import WARM_UP, Pace, method_steps
from orthoui.bench.unlearning import Race
from orthoui.data import Dataset
from orthoui.methods import METHODS, MethodRequest
from orthoui.models.trained import TrainedModel
from orthoui.training.recipe import Recipe
from tests.bench.test_training import SMALL
from tests.tiny import tiny_model

PAPER = Recipe(dataset="cifar10", width=64, epochs=15)
TRAINING = stepping.training_methods(tiny_model())


def test_the_fastest_method_is_the_one_to_beat() -> None:
    others = Race({"ssd": 4.0, "iau": 2.0}, ["retrain"])
    row = unlearning.pruning_row(FASTEST_ROW, [0.01, 0.02, 0.03], others)
    assert row.value == pytest.approx(100)
    assert row.met is True
    assert "of 3 methods, each run once with its default request, is Influence approximation (IAU): 2.0 s" in row.how
    assert "1 were stopped" in row.how
    assert unlearning.pruning_row(FASTEST_ROW, [0.021], others).met is False
    assert (others.limit, Race().limit) == (2 * unlearning.PATIENCE, float("inf"))


def test_what_cannot_win_any_more_is_stopped(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlearning, "PATIENCE", 0)
    result = unlearning.race(model, data, ["iau", "fine-tune", "ssd"])
    assert list(result.seconds) == ["iau"]
    assert result.seconds["iau"] > 0
    assert result.stopped == ["fine-tune", "ssd"]


def test_methods_with_gradients_that_fit_run_and_those_of_the_class_alone_go_first(model: TrainedModel) -> None:
    names = unlearning.with_gradients(model)
    assert set(names) == {name for name in METHODS if "gradients" in METHODS[name].needs} - {"sisa", "amnesiac"}
    assert "retain images" not in METHODS[names[0]].needs
    assert "soft-pruning" not in names


def test_every_soft_pruning_forgets_another_class(model: TrainedModel, data: Dataset) -> None:
    asked: list[int] = []

    def ask(label: int) -> MethodRequest:
        asked.append(label)
        return unlearning.as_in_the_paper(label)

    seconds = unlearning.pruning_seconds(model, data, 2, ask)
    assert asked == [3, 0, 1]
    assert len(seconds) == 2
    assert min(seconds) > 0


def test_ssd_is_measured_against_its_passes(model: TrainedModel, data: Dataset) -> None:
    row = unlearning.dampening(model, data, 1)
    assert row.value is not None and row.value > 0
    assert "for 150 images" in row.how  # 30 of the class and all 120
    row = unlearning.dampening_row([2, 2, 2], [2.2, 2.4, 2.6], 150)
    assert row.value == pytest.approx(1.2)
    assert unlearning.dampening_row([2], [2.5], 150).met is False


def test_a_retraining_is_multiplied_from_steps() -> None:
    # 9 classes of 5,000 less 200 for calibration are 337 batches of 128
    whole = retraining.multiplied(PAPER, 1.0, 1.0)
    assert whole.seconds == 15 * 337
    assert whole.how == "multiplied from measured steps, not run: 15 epochs of 337 steps at 1,000 ms"
    small = retraining.multiplied(PAPER.model_copy(update={"small_crop": 24, "small_share": 0.6}), 1.0, 0.5)
    assert small.seconds == pytest.approx(337 * (9 * 0.5 + 6))
    assert "9 epochs of 337 steps with small crops at 500 ms and 6 epochs of 337 steps at 1,000 ms" in small.how


def test_soft_pruning_is_compared_with_retrain(tmp_path: Path) -> None:
    row = retraining.retrain_row([0.01, 0.02, 0.03], retraining.Retraining(200, "measured"))
    assert (row.value, row.met) == (pytest.approx(10_000), True)
    assert retraining.retrain_row([0.03], retraining.Retraining(200, "measured")).met is False
    row = retraining.against_retrain(replace(SMALL, prunings=1), torch.device("cpu"), tmp_path)
    assert row.value is not None and row.value > 0
    assert "multiplied from measured steps" in row.how


def test_training_needs_a_step_for_a_backward_pass_and_a_pass_for_every_further_one() -> None:
    assert Pace(step=1.0, forward=0.25, batch=10).seconds(forward=30, backward=10) == 1.5
    assert Pace(step=0.2, forward=9, batch=8).seconds(forward=40, backward=40) == pytest.approx(5 * 0.2)


def test_training_methods_are_those_with_steps_of_their_own() -> None:
    assert {"fine-tune", "scrub", "unsir", "sfron", "soft-pruning-tuned"} <= set(TRAINING)
    assert not {"retrain", "ssd", "iau", "soft-pruning", "amnesiac"} & set(TRAINING)


@pytest.mark.parametrize("name", TRAINING)
def test_the_steps_of_every_training_method_can_be_counted(model: TrainedModel, data: Dataset, name: str) -> None:
    steps = method_steps(name, model, data, batch=8, count=1)
    assert steps.enough
    assert len(steps.moments) == WARM_UP + 2
    seconds, forward, backward = steps.counted
    assert seconds > 0
    assert forward >= backward > 0


def test_passes_of_a_teacher_are_counted(model: TrainedModel, data: Dataset) -> None:
    _, forward, backward = method_steps("bad-teacher", model, data, batch=8, count=2).counted
    assert (forward, backward) == (48, 16)


def test_step_rates_are_measured_and_the_slowest_is_named(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "training_methods", lambda model: ["fine-tune", "bad-teacher"])
    told: list[str] = []
    row = stepping.step_rates(model, data, 8, 2, 2, told.append)
    assert row.value is not None and row.value > 0
    assert row.how.startswith("n = 2 methods in 2 rounds")
    assert "Bad Teacher" in row.how and "(3.0 forward)" in row.how
    assert told == [
        f"steps of {title}, round {turn} of 2" for turn in (1, 2) for title in ("Fine-tune", "Bad Teacher")
    ]


def test_a_method_is_compared_with_the_training_before_it_and_after_it(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = iter([1.0, 3.0, 5.0])  # seconds of a step, on a machine that slows down
    monkeypatch.setattr(stepping, "training_methods", lambda model: ["fine-tune", "bad-teacher"])
    monkeypatch.setattr(stepping, "training_pace", lambda *_: stepping.Pace(next(training), 0.0, 8))
    taken = stepping.Steps(moments=[0.0, 0.0, 0.0, 4.0], forward=[0, 0, 0, 8], backward=[0, 0, 0, 8])
    monkeypatch.setattr(stepping, "method_steps", lambda *_: taken)
    row = stepping.step_rates(model, data, 8, 2, 1, lambda _: None)
    assert row.value == pytest.approx(50)  # (1 + 3) / 2 against 4 seconds
    assert "Fine-tune 50 %" in row.how and "Bad Teacher 100 %" in row.how


def test_all_methods_are_listed_and_the_slowest_counts() -> None:
    # medians: one bad round is not the method's
    shares = {"fine-tune": [60.0, 95.0, 96.0], "scrub": [101.0, 79.6, 78.0]}
    passes = {"fine-tune": 1.0, "scrub": 2.0}
    row = stepping.rates_row(shares, passes, ["famr"], 128, 20, 3)
    assert (row.value, row.met) == (79.6, False)
    assert "the slowest is SCRUB, from 78 to 101 %" in row.how
    assert row.how.endswith("SCRUB 80 % (2.0 forward), Fine-tune 95 %, FAMR (reconstruction) ended too soon")
    assert stepping.rates_row({"scrub": [80.0]}, passes, [], 128, 20, 1).met is True
