"""Options made from the fields of a model: names, bounds, defaults and help are written down once, there."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from orthoui.wording import range_words

P = ParamSpec("P")
R = TypeVar("R")


def takes_fields_of(
    model: type[BaseModel], without: tuple[str, ...] = (), also: dict[str, str] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a command one option for every field of ``model``; they arrive in its ``**fields``.

    A field that was not set is None there. Values stay text: the model itself refuses what is out of bounds,
    so that the command line says it in the same words as the pages. ``also`` adds words to a field's help.
    """
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=_annotation(name, field, (also or {}).get(name, "")),
        )
        for name, field in model.model_fields.items()
        if name not in without
    ]

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def taking(*args: P.args, **kwargs: P.kwargs) -> R:
            return command(*args, **kwargs)

        signature = inspect.signature(command, eval_str=True)
        own = [part for part in signature.parameters.values() if part.kind is not inspect.Parameter.VAR_KEYWORD]
        own = [part.replace(kind=inspect.Parameter.KEYWORD_ONLY) for part in own]
        taking.__signature__ = signature.replace(parameters=own + options)  # type: ignore[attr-defined]
        taking.__annotations__ = {part.name: part.annotation for part in own + options}
        return taking

    return decorate


def given(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that were set on the command line."""
    return {name: value for name, value in fields.items() if value is not None}


def _annotation(name: str, field: FieldInfo, also: str) -> Any:
    flag = "--" + name.replace("_", "-")
    words = _help(field, also)
    if field.annotation is bool:
        switch = f"{flag}/--no-{flag[2:]}"
        return Annotated[bool | None, typer.Option(switch, help=words, show_default=False)]
    return Annotated[str | None, typer.Option(flag, metavar=_metavar(field), help=words, show_default=False)]


def _choices(field: FieldInfo) -> str:
    return ", ".join(map(str, get_args(field.annotation))) if get_origin(field.annotation) is Literal else ""


def _metavar(field: FieldInfo) -> str:
    if _choices(field):
        return "NAME"
    return "NUMBER" if field.annotation in (int, float) else "TEXT"


def _help(field: FieldInfo, also: str) -> str:
    words = (field.description or "").rstrip(".")
    allowed, choices = range_words(field), _choices(field)
    default = "on" if field.default is True else "off" if field.default is False else field.default
    parts = [words[:1].upper() + words[1:], also, f"One of: {choices}" if choices else ""]
    parts += [f"A number {allowed}" if allowed else "", f"Default: {default}"]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."
