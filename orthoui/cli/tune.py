"""``orthoui tune``: search the settings of methods on calibration images."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import (
    FAILED_RUN,
    AsJson,
    ModelName,
    emit,
    percent,
    plain_table,
    reports_errors,
    tell_about_images,
    text,
)
from orthoui.cli.progress import progress_bar
from orthoui.errors import RequestError

if TYPE_CHECKING:
    from orthoui.jobs.search import Searched
    from orthoui.ledger import Progress
    from orthoui.models.trained import TrainedModel


@reports_errors
def tune(
    classes: Annotated[
        str, typer.Option(metavar="CLASS[,CLASS]", help="What to forget: classes by number or name, with commas.")
    ],
    methods: Annotated[
        str,
        typer.Option(metavar="NAME[,NAME]", help="Methods for which “orthoui methods NAME” shows what is searched."),
    ],
    model: ModelName = None,
    as_json: AsJson = False,
) -> None:
    """Search the settings of methods for a model and classes, on calibration images only; it takes minutes."""
    from orthoui.jobs.execute import in_words
    from orthoui.methods.base import check_classes
    from orthoui.models.zoo import default_model, zoo

    trained = zoo().forgettable(model or default_model(zoo()))
    labels = trained.data().class_indices([part for part in classes.split(",") if part.strip()])
    names = list(dict.fromkeys(part.strip() for part in methods.split(",") if part.strip()))
    if not labels or not names:
        raise RequestError("Name at least one class with --classes and one method with --methods.")
    check_classes(labels, trained.data())
    _refuse_idle(names, trained, labels)
    rows: dict[str, dict[str, Any]] = {}
    found: dict[str, Searched] = {}
    tell_about_images(trained, trained.data())
    with progress_bar(as_json, "Searching", len(names)) as bar:
        for place, name in enumerate(names):

            def show(progress: "Progress", place: int = place, name: str = name) -> None:
                bar.show(place + progress.share, f"{name}: {progress.message}")

            try:
                found[name] = _search(trained, labels, name, show)
                rows[name] = _described(found[name], measuring(trained, labels, name, found[name]))
            except Exception as error:  # noqa: BLE001  one method that fails does not end the others
                rows[name] = {"error": in_words(error)}
            bar.show(place + 1)
    document = {"model": trained.name, "classes": list(labels), "methods": rows}
    emit(document, as_json, lambda: Group(*(_answer(name, row, found.get(name)) for name, row in rows.items())))
    if not found:
        raise typer.Exit(FAILED_RUN)


def _refuse_idle(names: Sequence[str], model: "TrainedModel", labels: tuple[int, ...]) -> None:
    """Refuse before the first search takes its minutes what a later one could not do."""
    from orthoui.jobs.search import candidates
    from orthoui.methods import METHODS

    for name in names:
        obstacle = METHODS[name].obstacle(model, labels)
        if obstacle is not None:
            raise RequestError(obstacle)
        candidates(METHODS[name], model, labels)


def _search(model: "TrainedModel", labels: tuple[int, ...], name: str, show: Any) -> "Searched":
    from orthoui.jobs.execute import run_here
    from orthoui.jobs.method import identity_of
    from orthoui.jobs.search import KIND, Searched, title_of
    from orthoui.methods import METHODS

    fields = {"model": model.name, "method": name, "classes": labels}
    title, identity = title_of(METHODS[name], model, labels), identity_of(model, 0)
    run = run_here(KIND, fields, title, method=name, identity=identity, show=show)
    return Searched.model_validate(run.metrics["search"])


def measuring(model: "TrainedModel", labels: Sequence[int], method: str, found: "Searched") -> str:
    """Return the command that measures the best setting on test images."""
    from orthoui.data import class_words

    words = ["orthoui", "compare", "--model", model.name, "--classes", class_words(model.card.classes, labels)]
    words += ["--methods", f"original,{method}"]
    for field, value in found.best.settings.items():
        words += ["--set", f"{method}.{field}={value}"]
    return shlex.join(words)


def _described(found: "Searched", command: str) -> dict[str, Any]:
    best = found.best.model_dump(mode="json")
    return {**found.model_dump(mode="json"), "best": best, "reached": found.reached, "command": command}


def _answer(name: str, row: dict[str, Any], found: "Searched | None") -> RenderableType:
    from orthoui.jobs.search import setting_words
    from orthoui.methods import METHODS

    if found is None:
        return Text(f"{METHODS[name].title}: {row['error']}")
    table = plain_table("setting", "forgotten class", "others", "seconds", numbers=(1, 2, 3))
    for one in found.tried:
        shares = (percent(one.forgotten.value), percent(one.kept.value), f"{one.seconds:.1f}")
        cells = (setting_words(one.settings), *shares)
        table.add_row(*(text(cell) for cell in cells), style="bold" if one == found.best else "")
    for settings in found.refused:
        table.add_row(text(setting_words(settings)), text("failed, see its log"), "–", "–")
    goal = "the best is in bold" if found.reached else "none reaches the goal; the nearest is in bold"
    counted = f"{found.best.forgotten.n:,} and {found.best.kept.n:,} calibration images"
    return Group(
        Text(f"{METHODS[name].title}: {len(found.tried)} settings, {goal}.", style="bold"),
        table,
        Text(f"{counted}; the others were at {found.before:.1f} %. On test images: {row['command']}", style="dim"),
    )
