"""``orthoui compare``: several methods on the same model, images and clock."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orthoui.cli.common import FAILED_RUN, AsJson, ModelName, emit, reports_errors, tell_about_images
from orthoui.cli.comparison_table import markdown, shown, value
from orthoui.cli.progress import Bar, progress_bar
from orthoui.errors import RequestError, shortened
from orthoui.files import write_atomically

if TYPE_CHECKING:
    from orthoui.ledger import Progress, Run
    from orthoui.methods.found import Found
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
    ready: Annotated[
        bool, typer.Option(help="For Retrain, take a reference that lies ready instead of training one anew.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="METHOD.FIELD=VALUE", help="Change a setting; may be given several times."),
    ] = None,
    found: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Also note what was found, as assets/methods holds it.", hidden=True),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.md", help="Also write the table to this Markdown file.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Unlearn by several methods and measure all of them alike. Every run is kept in the ledger."""
    from orthoui.jobs.method import NO_REFERENCE, STANDARD
    from orthoui.ledger.ids import new_id
    from orthoui.methods.found import add_found
    from orthoui.methods.setting_texts import check_settings, settings_in
    from orthoui.models.zoo import default_model, zoo

    trained = zoo().forgettable(model or default_model(zoo()))
    labels = trained.data().class_indices([part for part in classes.split(",") if part.strip()])
    if not labels:
        raise RequestError("No class to forget was named. Give at least one with --classes.")
    chosen, changed = _chosen(methods, trained, labels), settings_in(set_ or [])
    check_settings(set_ or [])
    _refuse_idle(chosen, changed, found)
    group = new_id()
    lacking = _without_reference(chosen, changed, trained, labels)
    common = {"model": trained.name, "classes": labels, "relearn": relearn, "similarity": similarity}
    rows = []
    tell_about_images(trained, trained.data())
    with progress_bar(as_json, "Comparing", len(chosen)) as bar:
        for place, name in enumerate(sorted(chosen, key=lambda name: name != STANDARD)):  # the others need it
            at_hand: dict[str, Any] = {"ready": True} if ready and name == STANDARD else {}
            fields = {**common, "method": name, "settings": {**at_hand, **changed.get(name, {})}}
            rows.append(_measured(fields, trained, group, partial(_tell, bar, place, name)))
            bar.show(place + 1)
    rows.sort(key=lambda row: chosen.index(row["method"]))
    against = _put_beside(rows, trained, labels)
    document = {
        "model": trained.name,
        "dataset": trained.card.dataset,
        "classes": list(labels),
        "class_names": [trained.card.classes[label] for label in labels],
        "group": group,
        "retrained_run": against,
        "methods": rows,
    }
    if out is not None:
        _written(out, lambda: write_atomically(out, markdown(rows).encode()))
    if found is not None:
        _written(found, lambda: add_found(found, trained, _found(rows, labels, changed)))
    emit(document, as_json, lambda: shown(rows, NO_REFERENCE if lacking else ""))
    if all("error" in row for row in rows):
        raise typer.Exit(FAILED_RUN)


def _refuse_idle(chosen: Sequence[str], changed: dict[str, dict[str, Any]], found: Path | None) -> None:
    """Refuse before hours of work what would have no effect at their end."""
    for name in changed:
        if name not in chosen:
            raise RequestError(f"--set names {shortened(name)}, which is not among the methods that are compared.")
    if found is not None and "original" not in chosen:
        raise RequestError("--found notes changes against the original: add “original” to --methods.")


def _found(
    rows: Sequence[dict[str, Any]], classes: tuple[int, ...], changed: dict[str, dict[str, Any]]
) -> dict[str, "Found"]:
    """Return what was measured of each method against the original, which must be among the rows."""
    from orthoui.methods.found import Found

    original = next((value(row, "retain_test", "value") for row in rows if row["method"] == "original"), None)
    results: dict[str, Found] = {}
    for row in rows:
        forgotten, kept = (value(row, name, "value") for name in ("forget_test", "retain_test"))
        if "error" not in row and original is not None and forgotten is not None and kept is not None:
            results[row["method"]] = Found(
                classes=classes,
                forgotten=round(forgotten, 2),
                change=round(kept - original, 2),
                seconds=round(row["seconds"], 3),
                settings=changed.get(row["method"], {}),
            )
    return results


def _chosen(methods: str | None, model: "TrainedModel", labels: tuple[int, ...]) -> list[str]:
    from orthoui.methods import METHODS

    if methods is None:
        return [name for name in METHODS if METHODS[name].obstacle(model, labels) is None]
    names = [part.strip() for part in methods.split(",") if part.strip()]
    if not names:
        raise RequestError("--methods names no method. Leave it out to compare every one that fits.")
    for name in names:
        obstacle = METHODS[name].obstacle(model, labels)
        if obstacle is not None:
            raise RequestError(obstacle)
    return names


def _without_reference(
    chosen: Sequence[str], changed: dict[str, dict[str, Any]], model: "TrainedModel", labels: tuple[int, ...]
) -> bool:
    """Whether these methods will find no retrained model to be compared with: none is there, and none is chosen."""
    from orthoui.jobs.method import STANDARD, has_reference

    full = STANDARD in chosen and "epochs" not in changed.get(STANDARD, {})
    return not full and set(chosen) != {STANDARD} and not has_reference(model, labels)


def _tell(bar: Bar, place: int, name: str, progress: "Progress") -> None:
    bar.show(place + progress.share, f"{name}: {progress.message}")


def _measured(
    fields: dict[str, Any], model: "TrainedModel", group: str, show: Callable[["Progress"], None]
) -> dict[str, Any]:
    """Run one method as asked for and return its row; one that fails has an ``error``."""
    from orthoui.jobs.execute import in_words, run_here
    from orthoui.jobs.method import identity_of, title_of
    from orthoui.methods import METHODS

    name = fields["method"]
    title = title_of(METHODS[name], model, fields["classes"])
    try:
        run = run_here("method", fields, title, method=name, group=group, identity=identity_of(model, 0), show=show)
    except Exception as error:  # noqa: BLE001  one method that fails, a user's own too, does not end the comparison
        return {"method": name, "title": METHODS[name].title, "error": in_words(error)}
    return _described(run, METHODS[name].title)


def _described(run: "Run", title: str) -> dict[str, Any]:
    from orthoui.jobs.results import row_of

    return {
        "method": run.method,
        "title": title,
        "run": run.id,
        "seconds": row_of(run).seconds,
        "timings": run.timings,
        **run.metrics,
    }


def _put_beside(rows: list[dict[str, Any]], model: "TrainedModel", labels: tuple[int, ...]) -> str | None:
    """Add to every row what the page shows too: its gap to the retrained model, its speed, whether it is beaten.

    Return the run of that retrained model: of an earlier comparison where this one has none or a shortened one.
    """
    from orthoui.jobs.results import front, full_standard, gaps, row_of, standard, times
    from orthoui.ledger import ledger

    measured = {row["run"]: row_of(ledger().get(row["run"])) for row in rows if "run" in row}
    earlier = full_standard(ledger(), model, labels)
    against = standard([*measured.values(), *([earlier] if earlier else [])])
    best = front([*measured.values()])
    for row in rows:
        if "run" in row:
            found = measured[row["run"]]
            row["gap_to_retrained"] = gaps(found, against) if against else None
            row["times_faster_than_retraining"] = times(found, against)
            row["not_beaten"] = found in best
    return against.run.id if against else None


def _written(path: Path, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        raise RequestError(f"{path} cannot be written: {error.strerror or error}. Choose another place.") from error
