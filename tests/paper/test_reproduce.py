"""Measuring a table: the numbers are those of Forget, and an interrupted run goes on where it stopped."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from orthoui.data import DATASETS, catalog
from orthoui.errors import CancelledError, DatasetError, RequestError
from orthoui.evaluation.pipeline import forget
from orthoui.models.zoo import Zoo, zoo
from orthoui.paper.measures import MEASURES, Answer, Measure, Task
from orthoui.paper.outline import open_measurements, outline, table_path
from orthoui.paper.reproduce import Silent, reproduce
from orthoui.paper.schema import Cell, Value
from orthoui.paper.setting import TABLES, ReproduceRequest
from orthoui.paper.store import read_table
from orthoui.settings import settings
from tests.paper.conftest import SETTING, add_model
from tests.tiny import CLASSES


def asked(table: str, **more: Any) -> ReproduceRequest:
    return ReproduceRequest.model_validate({**SETTING.model_dump(), "seeds": 2, **more, "table": table})


class Counter(Silent):
    """Counts measurements; stops after so many of them, as a killed process would, or in the middle of one."""

    def __init__(self, stop: int | None = None, *, inside: bool = False) -> None:
        self.cells: list[str] = []
        self._stop, self._inside = stop, inside
        self.steps: list[tuple[int, int]] = []

    def look(self) -> None:
        if self._inside and len(self.cells) == self._stop:
            raise CancelledError("The run was cancelled.")

    def measured(self, cell: Cell) -> None:
        self.cells.append(cell.id)
        if not self._inside and len(self.cells) == self._stop:
            raise KeyboardInterrupt

    def progress(self, done: int, total: int, doing: str) -> None:  # noqa: ARG002
        self.steps.append((done, total))


def counted(measure: Measure, calls: list[float]) -> Measure:
    def function(task: Task) -> Answer:
        calls.append(task.seed)
        return measure.function(task)

    return replace(measure, function=function)


def test_a_table_holds_the_numbers_that_forget_shows(models: Zoo) -> None:
    table = reproduce(asked("table-3b"), models)
    assert [len(cell.draws) for cell in table.cells] == [2] * 18
    cell = table.cell("0.4/scaled")
    assert cell is not None
    for seed, draw in enumerate(cell.draws):
        model = models.get(draw.model)
        assert draw.request is not None and (draw.seed, draw.request.seed) == (seed, seed)
        *_, outcome = forget(model, model.data(), draw.request, membership=False)
        after = outcome.measured["after"].accuracies
        assert after.forget is not None and after.retain is not None
        assert draw.values["forget_accuracy"] == Value(**after.forget.model_dump())
        assert draw.values["retain_accuracy"] == Value(**after.retain.model_dump())
        assert (draw.model_digest, draw.device, draw.precision) == (model.digest, outcome.device, outcome.precision)
    assert not cell.comparable and cell.difference == {} and cell.printed_for == "CIFAR-10, ResNet-18"


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("stop", [1, 7])
def test_an_interrupted_run_goes_on_where_it_stopped(models: Zoo, stop: int, inside: bool) -> None:
    request = asked("table-3a", seeds=1, read_at="conv")
    whole = reproduce(request.model_copy(update={"out": Path(settings().home / "whole")}), models)
    first, second = Counter(stop, inside=inside), Counter()
    with pytest.raises((KeyboardInterrupt, CancelledError)):
        reproduce(request, models, first)
    kept = read_table(table_path(request))
    assert kept is not None and [cell.id for cell in kept.measured] == first.cells
    table = reproduce(request, models, second)
    assert len(first.cells) == stop and len(second.cells) == len(whole.cells) - stop
    assert not set(first.cells) & set(second.cells)
    assert [cell.measured for cell in table.cells] == [cell.measured for cell in whole.cells]
    assert second.steps[-1] == (second.steps[-1][1], second.steps[-1][1])
    again = Counter()
    assert reproduce(request, models, again) == table
    assert again.cells == []


def test_more_draws_are_added_to_the_ones_there_are(models: Zoo) -> None:
    reproduce(asked("table-3b"), models)
    seen = Counter()
    table = reproduce(asked("table-3b", seeds=3), models, seen)
    assert len(seen.cells) == 18
    assert [draw.seed for draw in table.cells[0].draws] == [0, 1, 2]
    fewer = reproduce(asked("table-3b", seeds=1), models)
    assert len(fewer.cells[0].draws) == 3 and fewer.cells[0].complete


def test_another_networks_numbers_do_not_stay(models: Zoo, tiny_data: Path) -> None:
    reproduce(asked("table-1"), models)
    add_model(tiny_data, "tiny-plain", seed=7, orthogonality=0.0)
    seen = Counter()
    table = reproduce(asked("table-1"), zoo(), seen)
    assert seen.cells == ["plain"]
    cell = table.cell("plain")
    assert cell is not None and [draw.model_digest for draw in cell.draws] == [zoo().get("tiny-plain").digest]
    assert [recipe.seed for recipe in table.trainings.values()].count(7) == 1
    assert set(table.trainings) == {draw.model_digest for one in table.cells for draw in one.draws}


def test_what_was_measured_stays_where_its_network_is_gone(models: Zoo, tiny_data: Path) -> None:
    reproduce(asked("table-1"), models)
    (tiny_data / "models" / "tiny-plain.safetensors").unlink()
    table = reproduce(asked("table-1"), models)
    cell = table.cell("plain")
    assert cell is not None and cell.draws


def test_a_training_whose_network_is_gone_keeps_its_numbers(models: Zoo, tiny_data: Path) -> None:
    """A training of another seed may be here and be measured anew; that of the one that is gone nobody can."""
    add_model(tiny_data, "second", seed=1, orthogonality=0.0)
    reproduce(asked("table-1"), zoo())
    (tiny_data / "models" / "second.safetensors").unlink()
    add_model(tiny_data, "tiny-plain", seed=7, orthogonality=0.0)
    seen = Counter()
    cell = reproduce(asked("table-1"), zoo(), seen).cell("plain")
    assert cell is not None and seen.cells == ["plain"]
    assert [(draw.model, draw.training_seed) for draw in cell.draws] == [("second", 1), ("tiny-plain", 7)]
    assert cell.complete and cell.wanted == 2 and not cell.advice


def test_a_network_with_a_new_name_is_not_counted_twice(models: Zoo, tiny_data: Path) -> None:
    reproduce(asked("table-1"), models)
    (tiny_data / "models" / "tiny-plain.safetensors").rename(tiny_data / "models" / "renamed.safetensors")
    cell = reproduce(asked("table-1"), zoo()).cell("plain")
    assert cell is not None and [draw.model for draw in cell.draws] == ["renamed"]


def test_networks_of_another_recipe_are_told_and_give_way_to_one_that_compares(tiny_data: Path) -> None:
    add_model(tiny_data, "orthogonal", orthogonality=0.01, recipe={"epochs": 12})
    add_model(tiny_data, "short", orthogonality=0.0, recipe={"epochs": 1})
    cell = reproduce(asked("table-1"), zoo()).cell("plain")
    assert cell is not None and cell.unlike == "epochs 1 in place of 12"
    command = "orthoui train --dataset tiny --architecture resnet18 --width 4 --epochs 12 --batch-size 128"
    assert cell.note.endswith(f"with “{command}”.")
    (tiny_data / "models" / "short.safetensors").rename(tiny_data / "short")
    gone = outline(asked("table-1"), zoo(), read_table(table_path(asked("table-1")))).cell("plain")
    assert gone is not None and gone.unlike == cell.unlike
    (tiny_data / "short").rename(tiny_data / "models" / "short.safetensors")
    add_model(tiny_data, "like", seed=3, orthogonality=0.0, recipe={"epochs": 12})
    cell = reproduce(asked("table-1"), zoo()).cell("plain")
    assert cell is not None and cell.unlike == ""
    assert [draw.model for draw in cell.draws] == ["like"]


def test_every_training_is_measured(models: Zoo, tiny_data: Path) -> None:
    add_model(tiny_data, "second", seed=1, orthogonality=0.01)
    table = reproduce(asked("table-3b"), models)
    assert [(draw.model, draw.seed) for draw in table.cells[0].draws] == [
        ("tiny-orthogonal", 0), ("tiny-orthogonal", 1), ("second", 0), ("second", 1),
    ]  # fmt: skip
    assert table.cells[0].wanted == 4
    one = reproduce(asked("table-3b", trainings=1, out=settings().home / "one"), models)
    assert len(one.cells[0].draws) == 2 and one.cells[0].command.endswith("--seeds 2 --trainings 1")


def test_a_missing_model_is_named_with_its_command(models: Zoo, tiny_data: Path) -> None:
    (tiny_data / "models" / "tiny-plain.safetensors").unlink()
    table = reproduce(asked("table-3a"), models)
    cell = table.cell("plain/0.05/floor")
    assert cell is not None and not cell.draws
    assert cell.advice == (
        "There is no model for this: a plain network on tiny (resnet18, width 4). Train one with “orthoui train "
        "--dataset tiny --architecture resnet18 --width 4 --batch-size 128”. Then run “orthoui "
        "reproduce table-3a --dataset tiny --architecture resnet18 --width 4 --seeds 2”."
    )
    assert open_measurements(table, asked("table-3a"), models) == 0


def test_missing_images_are_named(models: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(DATASETS._entries, "tiny")
    catalog._load.cache_clear()
    table = outline(asked("table-1"), models)
    assert "There is no data set “tiny”" in table.cells[0].advice
    assert open_measurements(table, asked("table-1"), models) == 0
    with pytest.raises(
        DatasetError, match="was trained on the data set “tiny”, whose images are not on this machine"
    ):
        reproduce(asked("table-1"), models)


def test_nothing_to_measure_is_refused_with_what_to_train(tiny_data: Path) -> None:
    with pytest.raises(
        RequestError, match=r"There is no model for this: an orthogonal network on tiny .* Train one with"
    ):
        reproduce(asked("table-2"), zoo())
    assert not table_path(asked("table-2")).exists()


def test_other_refusals(models: Zoo) -> None:
    with pytest.raises(RequestError, match=r"There is no architecture “resnet19”. Choose one of: resnet18"):
        reproduce(asked("table-1", architecture="resnet19"), models)
    with pytest.raises(RequestError, match=r"There is no class “4” in tiny: choose a number from 0 to 3\."):
        reproduce(asked("table-1", forget_class=4), models)
    path = table_path(asked("table-1"))
    lock = settings().cache_folder / "paper" / f"{path.stem}.lock"
    lock.parent.mkdir(parents=True)
    with FileLock(lock), pytest.raises(RequestError, match=r"is being measured already. Wait until that is done."):
        reproduce(asked("table-1"), models)
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(RequestError, match="is damaged, or was written by another version"):
        reproduce(asked("table-1"), models)
    assert path.read_text() == "{}"


def test_what_stands_in_another_table_too_is_measured_once(
    models: Zoo, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = reproduce(asked("table-3a"), models).cell("orthogonal/0.05/scaled")
    calls: list[float] = []
    monkeypatch.setitem(MEASURES._entries, "pruned", counted(MEASURES["pruned"], calls))
    second = reproduce(asked("table-3b"), models).cell("0.4/scaled")
    assert first and second and second.draws == first.draws
    assert len(calls) == 2 * 18 - 4  # both readings and both draws of strength 0.4 were there
    calls.clear()
    reproduce(asked("appendix"), models)
    assert len(calls) == 2 * 2 * len(CLASSES) - 4
    calls.clear()
    add_model(tiny_data, "tiny-orthogonal", seed=0, orthogonality=0.02)
    reproduce(asked("table-3b"), zoo())
    assert len(calls) == 0  # the weights are the same ones
    add_model(tiny_data, "tiny-orthogonal", seed=5, orthogonality=0.02)
    reproduce(asked("table-3b"), zoo())
    assert len(calls) == 2 * 18


def test_fine_tuning_is_its_own_option(models: Zoo) -> None:
    table = reproduce(asked("appendix", seeds=1), models)
    tuned = [cell for cell in table.cells if cell.measure == "fine-tuned"]
    assert len(table.cells) == 16 and len(tuned) == 4
    assert all("--fine-tune" in cell.advice and not cell.draws for cell in tuned)
    seen = Counter()
    table = reproduce(asked("appendix", seeds=1, fine_tune=True), models, seen)
    assert seen.cells == [cell.id for cell in tuned]
    first = table.cell("0/fine-tuned")
    assert first and first.draws[0].fine_tuning is not None and first.mean("seconds")
    assert [epoch.epoch for epoch in first.draws[0].epochs] == [1, 2, 3]
    kept = reproduce(asked("appendix", seeds=1), models).cell("0/fine-tuned")
    assert kept and kept.draws == first.draws


def test_figures_keep_their_pictures(models: Zoo, tiny_data: Path) -> None:
    add_model(tiny_data, "without", seed=3, orthogonality=0.01, forgets=(1,))
    maps = reproduce(asked("figure-1"), models).cell("forgotten")
    assert maps is not None
    draw = maps.draws[0]
    assert list(draw.pruned) and set(draw.pictures) == {"image", "before", "after"}
    before, channel = draw.pictures["before"].values(), next(iter(draw.pruned))
    assert before.shape == (4, 20, 20)
    step = (draw.pictures["before"].high - draw.pictures["before"].low) / 255
    assert abs(before[channel].max() - draw.values["peak"].value) <= step
    table = reproduce(asked("figure-3"), models)
    for cell in table.cells:
        pictures = cell.draws[0].pictures
        assert pictures["heat"].values().shape == (7, 20, 20)
        assert np.array_equal(pictures["image"].pixels().shape, (7, 20, 20, 3))
    after = table.cell("after")
    assert after and set(after.measured) == {"drift"}


@pytest.mark.parametrize("name", TABLES)
def test_an_outline_measures_nothing(models: Zoo, name: str) -> None:
    table = outline(asked(name), models)
    assert table.measured == () and all(cell.advice for cell in table.cells)
    assert not table_path(asked(name)).exists()
    assert models._models == {}
