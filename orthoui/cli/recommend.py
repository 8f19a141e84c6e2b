"""``orthoui recommend``: search the best setting for every class of a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import (
    AsJson,
    ModelName,
    checked_folder,
    emit,
    plain_table,
    reports_errors,
    tell_about_images,
    text,
    writing,
)
from orthoui.cli.progress import progress_bar
from orthoui.settings import settings

if TYPE_CHECKING:
    from orthoui.data import Dataset
    from orthoui.evaluation.presets import Found, Presets


@reports_errors
def recommend(
    model: ModelName = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the settings are written. Default: presets in ORTHOUI_HOME.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Search the best setting for every class on calibration images; it takes minutes. Stopped, it goes on later."""
    from orthoui.evaluation.presets import save_presets, search
    from orthoui.models.zoo import default_model, zoo

    trained = zoo().forgettable(model or default_model(zoo()))
    data = trained.data()
    folder = checked_folder(out or settings().home / "presets")
    tell_about_images(trained, data)
    with progress_bar(as_json, "Searching", len(data.classes)) as bar:

        def report(label: int, found: "Found") -> None:
            bar.note(f"{data.classes[label]}: {found.forget_accuracy:.1f} %, others {found.retain_accuracy:.1f} %")
            bar.show(label + 1)

        part = folder / f"{trained.name}.json.part"
        presets = search(trained, data, report, part)
    with writing(folder / trained.name):
        path = save_presets(presets, folder)
        part.unlink(missing_ok=True)
    document = {"path": str(path), **presets.model_dump(mode="json")}
    emit(document, as_json, lambda: _answer(presets, data, path))


def _answer(presets: "Presets", data: "Dataset", path: Path) -> RenderableType:
    table = plain_table("class", "forgotten", "others", "others before", "setting", numbers=(1, 2, 3))
    for label, found in presets.classes.items():
        shares = (found.forget_accuracy, found.retain_accuracy, found.retain_before)
        setting = ", ".join(f"{name} {value}" for name, value in found.setting.items())
        table.add_row(text(data.classes[label]), *(f"{share:.1f} %" for share in shares), text(setting))
    count = len(data["calibration"])
    return Group(
        Text(f"Best settings found for {presets.model} on {count:,} calibration images.", style="bold"),
        table,
        Text(f"Written to {path}.", style="dim", overflow="fold"),
    )
