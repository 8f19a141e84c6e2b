"""``orthoui compare``: several methods on the same model, images and clock."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import AsJson, ModelName, emit, percent, plain_table, reports_errors, text
from orthoui.cli.progress import progress_bar
from orthoui.errors import OrthoError, RequestError

if TYPE_CHECKING:
    from orthoui.ledger import Progress, Run
    from orthoui.models.trained import TrainedModel


@reports_errors
def compare(
    classes: Annotated[
        str, typer.Option(metavar="CLASS[,CLASS]", help="What to forget: classes by number or name, with commas.")
    ],
    model: ModelName = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]",
            help="Methods, as “orthoui methods” lists them. Without it: every one that fits the model.",
            show_default=False,
        ),
    ] = None,
    relearn: Annotated[
        bool, typer.Option(help="Also count the steps of training that bring the class back.")
    ] = False,
    similarity: Annotated[bool, typer.Option(help="Also compare layers with the original and the retrained.")] = True,
    as_json: AsJson = False,
) -> None:
    """Unlearn by several methods and measure all of them alike. Every run is kept in the ledger."""
    from orthoui.ledger.ids import new_id
    from orthoui.models.zoo import default_model, zoo

    trained = zoo().forgettable(model or default_model(zoo()))
    labels = trained.data().class_indices([part for part in classes.split(",") if part.strip()])
    if not labels:
        raise RequestError("No class to forget was named. Give at least one with --classes.")
    chosen = _chosen(methods, trained)
    group = new_id()
    rows = []
    with progress_bar(as_json, "Comparing", len(chosen)) as bar:
        for place, name in enumerate(chosen):
            fields = {"model": trained.name, "method": name, "classes": labels}
            options = {"relearn": relearn, "similarity": similarity}

            def show(progress: "Progress", place: int = place, name: str = name) -> None:
                bar.show(place + progress.share, f"{name}: {progress.message}")

            rows.append(_row({**fields, **options}, name, trained, labels, group, show))
            bar.show(place + 1)
    document = {
        "model": trained.name,
        "dataset": trained.card.dataset,
        "classes": list(labels),
        "class_names": [trained.card.classes[label] for label in labels],
        "group": group,
        "methods": rows,
    }
    emit(document, as_json, lambda: _answer(rows))


def _chosen(methods: str | None, model: "TrainedModel") -> list[str]:
    from orthoui.methods import METHODS

    if methods is None:
        return [name for name in METHODS if METHODS[name].obstacle(model) is None]
    names = [part.strip() for part in methods.split(",") if part.strip()]
    if not names:
        raise RequestError("--methods names no method. Leave it out to compare every one that fits.")
    for name in names:
        obstacle = METHODS[name].obstacle(model)
        if obstacle is not None:
            raise RequestError(obstacle)
    return names


def _row(
    fields: dict[str, Any], name: str, model: "TrainedModel", labels: tuple[int, ...], group: str, show: Any
) -> dict[str, Any]:
    from orthoui.jobs.execute import run_here
    from orthoui.jobs.method import identity_of, title_of
    from orthoui.methods import METHODS

    title = title_of(METHODS[name], model, labels)
    try:
        run = run_here("method", fields, title, method=name, group=group, identity=identity_of(model, 0), show=show)
    except OrthoError as error:  # one method that fails does not end the comparison
        return {"method": name, "title": METHODS[name].title, "error": str(error)}
    return _described(run, METHODS[name].title)


def _described(run: "Run", title: str) -> dict[str, Any]:
    seconds = sum(run.timings.values())
    return {
        "method": run.method,
        "title": title,
        "run": run.id,
        "seconds": seconds,
        "timings": run.timings,
        **run.metrics,
    }


def _answer(rows: list[dict[str, Any]]) -> RenderableType:
    heads = ("method", "forgotten", "others", "member (A)", "unseen (B)", "distance", "relearn steps", "seconds")
    table = plain_table(*heads, numbers=tuple(range(1, len(heads))))
    for row in rows:
        if "error" in row:
            table.add_row(text(row["title"]), text(row["error"]))
            continue
        table.add_row(
            text(row["title"]),
            percent(_value(row, "forget_test", "value")),
            percent(_value(row, "retain_test", "value")),
            percent(_value(row, "membership_a", "mean")),
            percent(_value(row, "membership_b", "mean")),
            _number(_value(row, "distance", "mean"), ".3f"),
            _number(_relearned(row), ".1f"),
            f"{row['seconds']:.2f}",
        )
    return Group(
        table, Text("Test images; seconds without evaluation. Every run is kept in the ledger.", style="dim")
    )


def _value(row: dict[str, Any], name: str, part: str) -> float | None:
    found = row.get(name)
    return None if found is None else float(found[part])


def _relearned(row: dict[str, Any]) -> float | None:
    found = row.get("relearn")
    return None if found is None else sum(found["steps"]) / len(found["steps"])


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
