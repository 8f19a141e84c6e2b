"""A table before anything is measured: its cells, what is known of them, and what the others need."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orthoui.data import dataset_names
from orthoui.data.catalog import missing
from orthoui.models.zoo import ModelEntry, Zoo
from orthoui.paper import others, pictures  # noqa: F401  they register what Table 2 and the figures measure
from orthoui.paper.finding import Found, class_names, find_models, look_up, missing_words, unlike_words
from orthoui.paper.measures import MEASURES
from orthoui.paper.plans import CellPlan, comparable, plan_cells
from orthoui.paper.printed import printed
from orthoui.paper.schema import Cell, Draw, Kind, Table
from orthoui.paper.setting import ReproduceRequest, command
from orthoui.settings import settings

UNITS = 100
"""Steps of progress for one evaluation of the test split."""


@dataclass(frozen=True)
class Todo:
    """One measurement that is still missing."""

    plan: CellPlan
    model: ModelEntry
    seed: int

    @property
    def units(self) -> int:
        """Its time, about, in steps of progress."""
        return max(1, round(UNITS * MEASURES[self.plan.measure].cost))


def table_path(request: ReproduceRequest) -> Path:
    """Return the file of a table."""
    return (request.out or settings().home / "paper") / request.setting.file_name(request.table)


def outline(request: ReproduceRequest, zoo: Zoo, known: Table | None = None) -> Table:
    """Return the table with what is known of it; nothing is measured and no network is loaded.

    What is ``known`` is taken as it is; cells that were not run say what is missing and how to get it.
    """
    setting = request.setting
    classes = class_names(zoo, setting.dataset) or (known.classes if known else ())
    kinds: tuple[Kind, ...] = ("orthogonal", "plain", "retrained")
    found = {kind: look_up(zoo, setting, kind) for kind in kinds}
    cells = []
    for plan in plan_cells(request.table, setting, classes):
        old = known.cell(plan.id) if known else None
        cells.append(make_cell(plan, request, old.draws if old else (), found[plan.kind], old))
    return Table(
        table=request.table, paper=f"arXiv {printed().source.arxiv}", setting=setting, classes=classes,
        cells=tuple(cells), command=request.command, updated=known.updated if known else None,
        trainings=known.trainings if known else {},
    )  # fmt: skip


def open_measurements(table: Table, request: ReproduceRequest, zoo: Zoo) -> int:
    """Return how many measurements of a table are missing that could be made on this machine; loads no network."""
    if request.dataset not in dataset_names():
        return 0
    plans = plan_cells(request.table, request.setting, table.classes)
    pairs = [(plan, cell) for plan in plans if (cell := table.cell(plan.id)) is not None]
    return sum(
        len(to_measure(plan, cell, request, find_models(zoo, request.setting, plan.kind))) for plan, cell in pairs
    )


def to_measure(plan: CellPlan, cell: Cell, request: ReproduceRequest, models: Sequence[ModelEntry]) -> list[Todo]:
    """Return the measurements that a cell still lacks; none where its method or model is not there."""
    if plan.measure not in MEASURES or (plan.measure == "fine-tuned" and not request.fine_tune):
        return []
    seeds = range(1 if plan.once or not plan.drawn else request.seeds)
    have = {(draw.model, draw.seed or 0) for draw in cell.draws}
    chosen = models[:1] if plan.once else models[: request.trainings]
    return [Todo(plan, model, seed) for model in chosen for seed in seeds if (model.name, seed) not in have]


def make_cell(
    plan: CellPlan, request: ReproduceRequest, draws: tuple[Draw, ...], found: Found, old: Cell | None = None
) -> Cell:
    """Return a cell with the draws there are; one that lacks some says what to do.

    What ``old`` says of a network that is not here stays.
    """
    tuned = plan.measure == "fine-tuned"
    models = found.models[: 1 if plan.once else request.trainings]
    each = request.seeds if plan.drawn and not plan.once else 1
    unlike = _unlike(draws, found, old)
    note = [plan.note, unlike_words(request.setting, plan.kind, unlike, found.lead) if unlike else ""]
    cell = Cell(
        id=plan.id, row=plan.row, column=plan.column, kind=plan.kind, measure=plan.measure, at=plan.at,
        reading=plan.reading, quantities=plan.quantities, printed=dict(plan.printed), printed_for=plan.printed_for,
        comparable=comparable(plan, request.setting), note=" ".join(part for part in note if part), draws=draws,
        wanted=len(models) * each + _gone(draws, found) if models else each, unlike=unlike,
        command=command(
            request.table, request.setting, seeds=request.seeds, trainings=request.trainings, fine_tune=tuned
        ),
    )  # fmt: skip
    return cell if cell.complete else cell.model_copy(update={"advice": _advice(plan, cell, request, found)})


def _unlike(draws: Sequence[Draw], found: Found, old: Cell | None) -> str:
    """Say how the networks of a cell, measured or to be, were trained otherwise than the orthogonal one."""
    names = {draw.model for draw in draws} or {model.name for model in found.models}
    told = next((found.unlike[name] for name in sorted(names) if found.unlike.get(name)), "")
    if not told and old and not names <= found.unlike.keys():
        return old.unlike  # the card of one is not here: what its table says of it stays
    return told


def _gone(draws: Sequence[Draw], found: Found) -> int:
    """Return how many draws are of models that are not here: they stay, and no more of them can be measured."""
    return sum(draw.model not in found.unlike for draw in draws)


def _advice(plan: CellPlan, cell: Cell, request: ReproduceRequest, found: Found) -> str:
    """Say what a cell needs that was not run, or not completely."""
    if plan.measure not in MEASURES:
        return f"The method {plan.measure} is not part of this version yet, so this cell cannot be measured here."
    if not found.models:
        lacking = missing_words(request.setting, plan.kind, found.lead, found.classes)
        return f"{lacking} Then run “{cell.command}”."
    if request.dataset not in dataset_names():
        return f"{missing(request.dataset)} Then run “{cell.command}”."
    if cell.draws:
        return f"{len(cell.draws)} of {cell.wanted} measurements are done. Go on with “{cell.command}”."
    return f"Run “{cell.command}”."
