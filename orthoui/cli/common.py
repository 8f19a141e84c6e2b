"""What every command shares: errors in one sentence with an exit code, answers as a table or as JSON."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, to_json
from rich.console import Console, RenderableType

from orthoui.errors import CheckpointError, DatasetError, DeviceError, ImageError, OrthoError, RequestError

BAD_INPUT = 2  # the person asked for something that cannot be
FAILED_RUN = 1  # the request was fine, carrying it out was not

INPUT_ERRORS = (RequestError, CheckpointError, ImageError, DatasetError, DeviceError)

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
            typer.echo(in_words(error), err=True)
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


def in_words(error: ValidationError) -> str:
    """Say what a refused request asked for and what is allowed, one sentence per field.

    >>> from pydantic import Field
    >>> class Request(BaseModel):
    ...     ratio: float = Field(ge=0, le=0.5)
    >>> try:
    ...     Request(ratio=0.9)
    ... except ValidationError as error:
    ...     in_words(error)
    'ratio cannot be 0.9: it must be at most 0.5.'
    """
    return " ".join(_sentence(detail) for detail in error.errors(include_url=False))


def _sentence(detail: ErrorDetails) -> str:
    field = " ".join(str(part) for part in detail["loc"])
    allowed = _allowed(detail)
    if detail["type"] == "missing":
        return f"{field} is missing: give a value."
    if detail["type"] == "extra_forbidden":
        return f"There is no option {field}."
    if not field:  # the request as a whole was refused, in its own words
        return allowed[:1].upper() + allowed[1:] + "."
    return f"{field} cannot be {detail['input']}: {allowed}."


def _allowed(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "less_than_equal":
            return f"it must be at most {context['le']}"
        case "greater_than_equal":
            return f"it must be at least {context['ge']}"
        case "less_than":
            return f"it must be below {context['lt']}"
        case "greater_than":
            return f"it must be above {context['gt']}"
        case "literal_error" | "enum":
            return f"choose {context['expected']}".replace("'", "")
        case "value_error":
            return str(context["error"]).rstrip(".")
        case _:
            words = detail["msg"].replace("Input should", "it should")
            return words[:1].lower() + words[1:].rstrip(".")
