"""What every command shares: errors in one sentence with an exit code, answers as a table or as JSON."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from orthoui.errors import CheckpointError, DatasetError, DeviceError, ImageError, OrthoError, RequestError
from orthoui.wording import explain

if TYPE_CHECKING:
    from orthoui.data import Dataset
    from orthoui.models.trained import TrainedModel

BAD_INPUT = 2  # the person asked for something that cannot be
FAILED_RUN = 1  # the request was fine, carrying it out was not

INPUT_ERRORS = (RequestError, CheckpointError, ImageError, DatasetError, DeviceError)
NOT_MEASURED = "not measured"

AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on one line.")]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Model, as “orthoui models” lists it. Without it: the embedded orthogonal one.",
        show_default=False,
    ),
]
SplitName = Annotated[
    str, typer.Option("--split", metavar="SPLIT", help="Images measured on: test, calibration or train.")
]

P = ParamSpec("P")
R = TypeVar("R")


def reports_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a command: an expected error becomes a sentence on stderr and an exit code, not a traceback.

    Code 2 stands for bad input (a request out of bounds, a damaged file, an absent device), code 1 for a
    failed run. Unexpected errors pass through: they are bugs and keep their traceback.
    """

    @functools.wraps(command)
    def reporting(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ValidationError as error:
            typer.echo(explain(error), err=True)
            raise typer.Exit(BAD_INPUT) from error
        except OrthoError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(BAD_INPUT if isinstance(error, INPUT_ERRORS) else FAILED_RUN) from error

    return reporting


def emit(document: BaseModel | dict[str, Any], as_json: bool, table: Callable[[], RenderableType]) -> None:
    """Answer on stdout: with ``as_json`` exactly one JSON object on one line, else the table.

    ``table`` is called only when it is shown. A number that is not finite becomes ``null`` in JSON: not
    measured is never 0.
    """
    if as_json:
        typer.echo(to_json(document, inf_nan_mode="null").decode())
    else:
        Console().print(table())


def tell_about_images(model: "TrainedModel", data: "Dataset") -> None:
    """Say on stderr what does not hold where the model was trained on other images, or on unknown ones."""
    from orthoui.models.kinship import image_notices

    for notice in image_notices(model.card, data):
        typer.echo(notice, err=True)


def plain_table(*heads: str, numbers: tuple[int, ...] = ()) -> Table:
    """Return an empty table without boxes; the columns at ``numbers`` are aligned to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place in numbers else "left", overflow="fold")
    return table


def text(value: object) -> str:
    """Return a value as text for rich, brackets and all."""
    return escape(str(value))


def percent(value: float | None) -> str:
    """Return a share as text, e.g. “92.2 %”; what was not measured says so."""
    return NOT_MEASURED if value is None else f"{value:.1f} %"


def megabytes(path: Path) -> float:
    """Return a file's size in MB (a million bytes)."""
    return round(path.stat().st_size / 1e6, 2)


def folder_megabytes(folder: Path) -> float:
    """Return what the files of a folder take, in MB (a million bytes)."""
    return round(sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6, 2)


def checked_folder(folder: Path) -> Path:
    """Make a folder for results before the work starts. Raises ``RequestError`` when that cannot be done."""
    folder = folder.expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            f"The folder {folder} cannot be made ({error.strerror or error}). Choose another with --out."
        ) from error
    return folder


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write, such as a full disk, into ``OrthoError``."""
    try:
        yield
    except OSError as error:
        raise OrthoError(
            f"{path} could not be written ({error.strerror or error}). Free some space or choose another "
            "folder with --out, then start again."
        ) from error
