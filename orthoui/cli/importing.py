"""``orthoui models import``: a network trained elsewhere becomes one of the models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import AsJson, emit, megabytes, percent, reports_errors, writing
from orthoui.cli.progress import progress_bar
from orthoui.errors import RequestError
from orthoui.wording import parse

if TYPE_CHECKING:
    from orthoui.evaluation.importing import Imported

Numbers = Annotated[
    str | None,
    typer.Option(
        metavar="V[,V,V]", help="Of the pixels it was trained on, 0 to 1. Default: measured.", show_default=False
    ),
]


@reports_errors
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Weights: .safetensors, .pt or .pth.")],
    architecture: Annotated[
        str, typer.Option(metavar="A", help="Kind of network: resnet18, resnet50, vgg16, vgg16_bn, or timm:NAME.")
    ],
    dataset: Annotated[str, typer.Option(metavar="D", help="Data set it was trained on.")],
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name here. Default: made from the file's.", show_default=False),
    ] = None,
    width: Annotated[
        str | None,
        typer.Option(metavar="W", help="Channels of the first stage. Default: as the file has.", show_default=False),
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option(
            metavar="PIXELS", help="Side its images were resized to. Default: the data set's.", show_default=False
        ),
    ] = None,
    mean: Numbers = None,
    std: Numbers = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a model of the same name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a network's weights, measure its accuracy, and keep it as one of the models.

    Nothing inside the file is ever run. The file itself stays as it is.
    """
    from orthoui.evaluation.importing import ImportRequest, import_model
    from orthoui.settings import settings

    asked = {"width": width, "input_size": input_size, "mean": _numbers("mean", mean), "std": _numbers("std", std)}
    given = {key: value for key, value in asked.items() if value is not None}
    request = parse(ImportRequest, {"architecture": architecture, "dataset": dataset, **given})
    with progress_bar(as_json, "Reading", 1.0) as bar, writing(settings().home / "models"):
        imported = import_model(
            file, request, name=name, replace=force, report=lambda doing, share: bar.show(share, doing)
        )
    emit(_described(imported), as_json, lambda: _answer(imported))


def _numbers(name: str, text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise RequestError(
            f"--{name} cannot be “{text}”: give one number, or three with commas, as in 0.49,0.48,0.45."
        ) from error


def _described(imported: "Imported") -> dict[str, Any]:
    card = imported.card
    return {
        "model": imported.path.stem,
        "path": str(imported.path),
        "size_mb": megabytes(imported.path),
        "origin": card.origin,
        "architecture": card.architecture,
        "width": card.width,
        "dataset": card.dataset,
        "classes": len(card.classes),
        "input_size": card.input_size,
        "mean": card.mean,
        "std": card.std,
        "accuracy": card.accuracy or None,
        "notices": imported.notices,
    }


def _answer(imported: "Imported") -> RenderableType:
    card = imported.card
    accuracies = ", ".join(f"{percent(value)} {split}" for split, value in card.accuracy.items())
    measured = f"Accuracy: {accuracies}." if accuracies else "Accuracy: not measured, its images are not here."
    return Group(
        Text(f"{imported.path.stem}: {card.title}, {len(card.classes)} classes.", style="bold"),
        Text(measured),
        *(Text(notice, style="yellow") for notice in imported.notices),
        Text(f"Written to {imported.path} ({megabytes(imported.path):.1f} MB).", style="dim", overflow="fold"),
    )
