"""Cells and tables with chosen numbers."""

from datetime import UTC, datetime

from orthoui.forgetting.request import ForgetRequest
from orthoui.paper.plans import comparable, plan_cells
from orthoui.paper.printed import Quantity
from orthoui.paper.schema import Cell, Draw, Table, Value
from orthoui.paper.setting import Setting, TableName

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
Numbers = dict[Quantity, float]


def draw(values: Numbers, seed: int = 0, *, spread: float = 1.0, date: int = 1, training: int = 0) -> Draw:
    return Draw(
        model=f"training {training}", model_digest="abc", training_seed=training, images_digest="def", seed=seed,
        request=ForgetRequest(classes=(1,), seed=seed), device="cpu", precision="float32", seconds=1.5,
        values={
            name: Value(value=value, low=max(0, value - spread), high=min(100, value + spread), n=1000)
            for name, value in values.items()
        },
        date=datetime(2026, 1, date, tzinfo=UTC), version="0",
    )  # fmt: skip


def table(name: TableName, values: dict[str, Numbers], setting: Setting | None = None) -> Table:
    """A table in which the named cells are measured, and the others are not."""
    setting = setting or Setting()
    cells = [
        Cell(
            id=plan.id, row=plan.row, column=plan.column, kind=plan.kind, measure=plan.measure, at=plan.at,
            reading=plan.reading, quantities=plan.quantities, printed=dict(plan.printed),
            comparable=comparable(plan, setting), printed_for=plan.printed_for, wanted=3,
            draws=(draw(values[plan.id]),) if plan.id in values else (), command="orthoui reproduce",
            advice="" if plan.id in values else "Run it.",
        )
        for plan in plan_cells(name, setting, CLASSES)
    ]  # fmt: skip
    return Table(table=name, paper="arXiv", setting=setting, classes=CLASSES, cells=tuple(cells), command="orthoui")


def accuracies(forget: float, retain: float) -> Numbers:
    return {"forget_accuracy": forget, "retain_accuracy": retain}
