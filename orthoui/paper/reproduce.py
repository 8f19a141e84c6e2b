"""Measure a table cell by cell. The file is written after every measurement, so that nothing is done twice."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from orthoui.errors import RequestError
from orthoui.models.device import fast_dtype
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import Zoo
from orthoui.paper.finding import (
    Found,
    check_architecture,
    check_forget_class,
    class_names,
    look_up,
    missing_words,
    training_recipe,
)
from orthoui.paper.measures import MEASURES, Task
from orthoui.paper.others import method_settings
from orthoui.paper.outline import Todo, make_cell, outline, table_path, to_measure
from orthoui.paper.plans import OTHER_METHODS, CellPlan, plan_cells
from orthoui.paper.schema import Cell, Draw, Kind, Table
from orthoui.paper.setting import ReproduceRequest
from orthoui.paper.store import read_table, shelf, write_table
from orthoui.provenance import code_version
from orthoui.settings import settings
from orthoui.training.command import recipe_of
from orthoui.training.recipe import Recipe


class Watcher(Protocol):
    """Whoever looks on: every method may raise to stop the work."""

    def look(self) -> None:
        """Called at least once a second while a cell is measured."""

    def cancelled(self) -> bool:
        """Whether to stop, for what cannot be interrupted by an exception."""

    def measured(self, cell: Cell) -> None:
        """Called when a measurement is in the file."""

    def progress(self, done: int, total: int, doing: str) -> None:
        """Called before every measurement."""


class Silent:
    """Watches without a word."""

    def look(self) -> None:
        """Do nothing."""

    def cancelled(self) -> bool:
        """Return False."""
        return False

    def measured(self, cell: Cell) -> None:
        """Do nothing."""

    def progress(self, done: int, total: int, doing: str) -> None:
        """Do nothing."""


def reproduce(request: ReproduceRequest, zoo: Zoo, watcher: Watcher | None = None) -> Table:
    """Measure what is missing of a table, write it after every measurement, and return it.

    Without a folder to write to, what is shipped counts as measured, as on the page. Raises ``RequestError`` when
    nothing of it can be measured on this machine, for a class that there is not, or while another process does.
    """
    watcher = watcher or Silent()
    check_architecture(request.architecture)
    check_forget_class(request, class_names(zoo, request.dataset))
    path = table_path(request)
    lock_file = settings().cache_folder / "paper" / f"{path.stem}.lock"
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock_file).acquire(timeout=0):
            return _fill(request, path, zoo, watcher)
    except Timeout:
        raise RequestError(f"{path.name} is being measured already. Wait until that is done.") from None


def missing_trainings(request: ReproduceRequest, zoo: Zoo) -> list[Recipe]:
    """Return the recipes of the networks that a table needs and that are not here, the orthogonal one first.

    Raises ``RequestError`` for a class that there is not.
    """
    classes = class_names(zoo, request.dataset)
    check_architecture(request.architecture)
    check_forget_class(request, classes)
    needed = {plan.kind for plan in plan_cells(request.table, request.setting, classes)}
    kinds: tuple[Kind, ...] = ("orthogonal", "plain", "retrained")
    found = {kind: look_up(zoo, request.setting, kind) for kind in kinds if kind in needed}
    return [training_recipe(request.setting, kind, lead=one.lead) for kind, one in found.items() if not one.models]


def _fill(request: ReproduceRequest, path: Path, zoo: Zoo, watcher: Watcher) -> Table:
    own = read_table(path)  # a damaged one is refused here, never replaced
    shown = shelf([path.parent] if request.out else None).tables
    classes = class_names(zoo, request.dataset)
    plans = {plan.id: plan for plan in plan_cells(request.table, request.setting, classes)}
    found = {kind: look_up(zoo, request.setting, kind) for kind in {plan.kind for plan in plans.values()}}
    if not any(one.models for one in found.values()):
        kind: Kind = "orthogonal" if "orthogonal" in found or not found else next(iter(found))
        raise RequestError(missing_words(request.setting, kind, classes=classes))
    table = outline(request, zoo, shown.get(path.name, own))
    table = _with_cells(table, [_valid(cell, plans[cell.id], request, found[cell.kind], zoo) for cell in table.cells])
    todo = [
        item for cell in table.cells for item in to_measure(plans[cell.id], cell, request, found[cell.kind].models)
    ]
    todo.sort(key=lambda item: item.units)  # a table stopped half-way holds the more of its cells
    total, done, others = sum(item.units for item in todo), 0, _elsewhere(request, shown.values())
    for item in todo:

        def tell(share: float, item: Todo = item, done: int = done) -> None:
            doing = f"{item.plan.row}, {item.plan.column}".rstrip(", ")
            watcher.progress(done + round(share * item.units), total, doing)

        tell(0)
        draw = _found(item, others, zoo) or _measured(item, request, zoo, watcher, tell)
        cell = _with_draw(item, draw, table, request, zoo)
        table = _with_cells(table, [cell if old.id == cell.id else old for old in table.cells])
        table = _with_training(table, zoo.get(draw.model))
        write_table(path, table)
        tell(1)
        done += item.units
        watcher.measured(cell)
    if not todo:
        write_table(path, table)
    return table


def _valid(cell: Cell, plan: CellPlan, request: ReproduceRequest, found: Found, zoo: Zoo) -> Cell:
    """Keep the draws whose weights, images and request are those of today, and all of trainings that are not here.

    Nobody could measure those again. A model that is here and not among those found was trained in another way; one
    that is gone gives way where another one of its seed is here, as it may only have been given another name.
    """
    if not found.models:
        return cell
    chosen = {entry.name: entry.card.seed for entry in found.models if entry.card is not None}
    here = {entry.name for entry in zoo.entries() if entry.card is not None}
    kept = [
        draw
        for draw in cell.draws
        if (draw.model in chosen and _same(draw, plan, zoo.get(draw.model)))
        or (draw.model not in here and draw.training_seed not in chosen.values())
    ]
    return make_cell(plan, request, tuple(kept), found, cell)


def _elsewhere(request: ReproduceRequest, tables: Iterable[Table]) -> list[Cell]:
    """Return the cells of the other tables of this setting: some stand in several tables."""
    return [
        cell
        for table in tables
        if table.setting == request.setting and table.table != request.table
        for cell in table.measured
    ]


def _found(item: Todo, others: Sequence[Cell], zoo: Zoo) -> Draw | None:
    """Return the measurement if another table holds it already."""
    model = zoo.get(item.model.name)
    for cell in others:
        if cell.measure == item.plan.measure and cell.quantities == item.plan.quantities:
            for draw in cell.draws:
                if draw.model == model.name and (draw.seed or 0) == item.seed and _same(draw, item.plan, model):
                    return draw
    return None


def _same(draw: Draw, plan: CellPlan, model: TrainedModel) -> bool:
    return (
        draw.model_digest == model.digest
        and draw.request == plan.request(draw.seed or 0)
        and draw.images_digest == _images_digest(model)
        and draw.settings == (method_settings(plan.measure) if plan.measure in OTHER_METHODS else {})
    )


def _images_digest(model: TrainedModel) -> str:
    data = model.data()
    return f"{data['train'].digest}-{data['test'].digest}"


def _measured(
    item: Todo, request: ReproduceRequest, zoo: Zoo, watcher: Watcher, tell: Callable[[float], None]
) -> Draw:
    model = zoo.get(item.model.name)
    asked = item.plan.request(item.seed)
    task = Task(
        model=model, data=model.data(), forget_class=request.forget_class, request=asked, seed=item.seed,
        look=watcher.look, tell=tell, cancelled=watcher.cancelled,
    )  # fmt: skip
    started = time.perf_counter()
    answer = MEASURES[item.plan.measure].function(task)
    return Draw(
        model=model.name,
        model_digest=model.digest,
        training_seed=model.card.seed,
        images_digest=_images_digest(model),
        seed=item.seed if item.plan.drawn else None,
        request=asked,
        fine_tuning=answer.fine_tuning,
        epochs=tuple(answer.epochs),
        settings=dict(answer.settings),
        values=dict(answer.values),
        pruned=dict(answer.pruned),
        pictures=dict(answer.pictures),
        device=str(model.device),
        precision=str(fast_dtype(model.device)).removeprefix("torch."),
        seconds=round(time.perf_counter() - started, 3),
        date=datetime.now(UTC).replace(microsecond=0),
        version=code_version(),
    )


def _with_draw(item: Todo, draw: Draw, table: Table, request: ReproduceRequest, zoo: Zoo) -> Cell:
    old = table.cell(item.plan.id)
    draws = sorted((*(old.draws if old else ()), draw), key=lambda one: (one.training_seed, one.seed or 0))
    return make_cell(item.plan, request, tuple(draws), look_up(zoo, request.setting, item.plan.kind), old)


def _with_training(table: Table, model: TrainedModel) -> Table:
    """Note how a model was trained; what nobody measures any more is forgotten."""
    own = {model.digest: recipe_of(model.card)} if model.card.origin == "trained" else {}
    measured = {draw.model_digest for cell in table.cells for draw in cell.draws}
    known = {digest: recipe for digest, recipe in {**table.trainings, **own}.items() if digest in measured}
    return table.model_copy(update={"trainings": known})


def _with_cells(table: Table, cells: Sequence[Cell]) -> Table:
    dates = [draw.date for cell in cells for draw in cell.draws]
    return table.model_copy(update={"cells": tuple(cells), "updated": max(dates, default=None)})
