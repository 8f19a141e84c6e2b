"""``orthoui tune``: search the settings of methods on calibration images."""

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import AsJson, ModelName, emit, percent, plain_table, reports_errors, text
from orthoui.cli.progress import progress_bar
from orthoui.errors import RequestError

if TYPE_CHECKING:
    from orthoui.jobs.search import Searched
    from orthoui.ledger import Progress


@reports_errors
def tune(
    classes: Annotated[
        str, typer.Option(metavar="CLASS[,CLASS]", help="What to forget: classes by number or name, with commas.")
    ],
    methods: Annotated[
        str,
        typer.Option(metavar="NAME[,NAME]", help="Methods, as “orthoui methods” lists them, that name a search."),
    ],
    model: ModelName = None,
    as_json: AsJson = False,
) -> None:
    """Search the settings of methods for a model and classes, on calibration images only; it takes minutes."""
    from orthoui.jobs.execute import run_here
    from orthoui.jobs.method import identity_of
    from orthoui.jobs.search import KIND, Searched, candidates, title_of
    from orthoui.methods import METHODS
    from orthoui.models.zoo import default_model, zoo

    trained = zoo().forgettable(model or default_model(zoo()))
    labels = trained.data().class_indices([part for part in classes.split(",") if part.strip()])
    names = [part.strip() for part in methods.split(",") if part.strip()]
    if not labels or not names:
        raise RequestError("Name at least one class with --classes and one method with --methods.")
    for name in names:  # all are checked before the first takes its minutes
        obstacle = METHODS[name].obstacle(trained)
        if obstacle is not None:
            raise RequestError(obstacle)
        candidates(METHODS[name], trained, labels)
    found: dict[str, Searched] = {}
    with progress_bar(as_json, "Searching", len(names)) as bar:
        for place, name in enumerate(names):

            def show(progress: "Progress", place: int = place, name: str = name) -> None:
                bar.show(place + progress.share, f"{name}: {progress.message}")

            fields = {"model": trained.name, "method": name, "classes": labels}
            title, identity = title_of(METHODS[name], trained, labels), identity_of(trained, 0)
            run = run_here(KIND, fields, title, method=name, identity=identity, show=show)
            found[name] = Searched.model_validate(run.metrics["search"])
            bar.show(place + 1)
    commands = {name: measuring(trained.name, labels, name, one) for name, one in found.items()}
    document = {
        "model": trained.name,
        "classes": list(labels),
        "methods": {name: _described(one, commands[name]) for name, one in found.items()},
    }
    emit(document, as_json, lambda: Group(*(_answer(name, one, commands[name]) for name, one in found.items())))


def measuring(model: str, classes: Sequence[int], method: str, found: "Searched") -> str:
    """Return the command that measures the best setting on test images."""
    words = ["orthoui", "compare", "--model", model, "--classes", ",".join(map(str, classes))]
    words += ["--methods", f"original,{method}"]
    for field, value in (found.best.settings if found.best else {}).items():
        words += ["--set", f"{method}.{field}={value}"]
    return shlex.join(words)


def _described(found: "Searched", command: str) -> dict[str, Any]:
    best = None if found.best is None else found.best.model_dump(mode="json")
    return {**found.model_dump(mode="json"), "best": best, "reached": found.reached, "command": command}


def _answer(name: str, found: "Searched", command: str) -> RenderableType:
    from orthoui.methods import METHODS

    table = plain_table("setting", "forgotten class", "others", "seconds", numbers=(1, 2, 3))
    for one in found.tried:
        style = "bold" if one == found.best else ""
        cells = (_setting(one.settings), percent(one.forgotten), percent(one.kept), f"{one.seconds:.1f}")
        table.add_row(*(text(cell) for cell in cells), style=style)
    goal = "the best is in bold" if found.reached else "none reaches the goal; the nearest is in bold"
    return Group(
        Text(f"{METHODS[name].title}: {len(found.tried)} settings, {goal}.", style="bold"),
        table,
        Text(f"Calibration images; the others were at {found.before:.1f} %. On test images: {command}", style="dim"),
    )


def _setting(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in settings.items()) or "defaults"
