"""``orthoui methods``: every way to unlearn; ``orthoui methods NAME``: one of them with its settings."""

from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from pydantic.fields import FieldInfo
from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import AsJson, emit, plain_table, reports_errors, text
from orthoui.wording import LIMITS, range_words, title

if TYPE_CHECKING:
    from orthoui.methods import Method


@reports_errors
def methods(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One method, with all its settings.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the methods: what each one does and needs, where it is from, its settings with their bounds."""
    from orthoui.methods import METHODS, OWN

    if name is not None:
        about = _described(METHODS[name])
        emit(about, as_json, lambda: _detailed(about))
        return
    described = [_described(METHODS[key]) for key in sorted(METHODS)]
    emit({"methods": described, "problems": OWN.problems}, as_json, lambda: _listed(described, OWN.problems))


def _described(method: "Method") -> dict[str, Any]:
    from orthoui.methods import OWN

    file = OWN.files.get(method.name)
    return {
        "name": method.name,
        "title": method.title,
        "summary": method.summary,
        "source": method.source,
        "needs": sorted(method.needs),
        "forgets": method.forgets,
        "control": method.control,
        "exact": method.exact,
        "defaults": method.defaults,
        "departs": method.departs,
        "origin": method.origin,
        "search": {name: list(values) for name, values in method.search.items()},
        "file": None if file is None else str(file),
        "fields": [_field(key, field) for key, field in method.request.model_fields.items()],
    }


def _field(name: str, field: FieldInfo) -> dict[str, Any]:
    limits = {limit: getattr(rule, limit) for rule in field.metadata for limit in LIMITS if hasattr(rule, limit)}
    choices = [choice for choice in _choices(field.annotation) if isinstance(choice, str)]
    return {
        "name": name,
        "title": title(name, field),
        "description": field.description,
        "required": field.is_required(),
        "default": None if field.is_required() else field.get_default(call_default_factory=True),
        "optional": type(None) in get_args(field.annotation),
        "least": limits.get("ge"),
        "most": limits.get("le"),
        "above": limits.get("gt"),
        "below": limits.get("lt"),
        "choices": choices or None,
        "allowed": ", ".join(choices) or range_words(field),
    }


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Return what a type offers by name, also inside a union."""
    return tuple(part for offered in get_args(annotation) for part in (get_args(offered) or (offered,)))


def _kind(about: dict[str, Any]) -> str:
    if about["control"]:
        return "control"
    if about["exact"]:
        return "exact"
    return "forgets" if about["forgets"] else "baseline"


def _listed(described: list[dict[str, Any]], problems: tuple[str, ...]) -> RenderableType:
    table = plain_table("method", "title", "kind", "needs", "source")
    table.columns[0].no_wrap = True  # a name is there to be copied
    for about in described:
        needs = ", ".join(about["needs"]) or "nothing"
        table.add_row(*map(text, (about["name"], about["title"], _kind(about), needs, about["source"])))
    hint = Text("“orthoui methods NAME” shows the settings of one.", style="dim")
    return Group(table, Text(), hint, *[Text(problem, style="red") for problem in problems])


def _detailed(about: dict[str, Any]) -> RenderableType:
    table = plain_table("setting", "default", "allowed", "meaning")
    table.columns[0].no_wrap = True
    for field in about["fields"]:
        shown = (field["name"], _default(field), field["allowed"] or "", f"{field['title']}: {field['description']}")
        table.add_row(*map(text, shown))
    lines = [
        Text(about["title"], style="bold"),
        Text(about["summary"]),
        Text(f"Kind: {_kind(about)}. Needs: {', '.join(about['needs']) or 'nothing'}."),
        Text(f"Source: {about['source']}"),
        Text(f"Defaults: {about['origin']}."),
    ]
    if about["search"]:
        tried = "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in about["search"].items())
        lines.append(Text(f"“orthoui tune” tries: {tried}."))
    own = [Text(f"Your own, from {about['file']}", style="dim")] if about["file"] else []
    return Group(*lines, *own, Text(), table)


def _default(field: dict[str, Any]) -> str:
    default = field["default"]
    if field["required"]:
        return "to be given"
    if isinstance(default, bool):
        return "on" if default else "off"
    return "none" if default is None else str(default)
