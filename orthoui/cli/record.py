"""``orthoui record``: keep a model's predictions without keeping the model."""

from pathlib import Path
from typing import Annotated

import typer

from orthoui.cli.common import AsJson, ModelName, SplitName, checked_folder, emit, megabytes, reports_errors, writing
from orthoui.errors import UnknownNameError
from orthoui.settings import settings


@reports_errors
def record(
    model: ModelName = None,
    split: SplitName = "test",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the predictions are written. Default: records in ORTHOUI_HOME.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a model's predictions of a split, for example of a second retrained reference.

    The distance between two retrained models is the floor that a distance to one of them is judged by.
    """
    from orthoui.data import SPLITS
    from orthoui.evaluation.records import SUFFIX, write_record
    from orthoui.evaluation.variants import original
    from orthoui.models.zoo import default_model, zoo

    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    trained = zoo().get(model or default_model(zoo()))
    images = trained.data()[split]
    path = checked_folder(out or settings().home / "records") / f"{trained.name}-{split}{SUFFIX}"
    logits = original(trained).complete(images)
    with writing(path):
        write_record(trained, images, logits, path)
    document = {
        "model": trained.name,
        "split": split,
        "images": len(images),
        "path": str(path),
        "size_mb": megabytes(path),
    }
    emit(document, as_json, lambda: f"Predictions of {len(images):,} {split} images written to {path}.")
