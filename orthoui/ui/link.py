"""The link: the view as an address, and back. What an address may not say is explained and left aside."""

from collections.abc import Container, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from orthoui.data import class_indices
from orthoui.errors import OrthoError, RequestError, shortened
from orthoui.evaluation.channels import checked_layer
from orthoui.evaluation.presets import paper, recommended
from orthoui.forgetting.request import ChannelEdit, ForgetRequest, parse_request
from orthoui.forgetting.selection import layers_in_scope
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import Zoo, default_model
from orthoui.paper.setting import Setting
from orthoui.training.recipe import Recipe
from orthoui.ui.view import View
from orthoui.wording import parse

PREFERRED_CLASS = 7
REQUEST_FIELDS = tuple(ForgetRequest.model_fields)
RECIPE_FIELDS = tuple(Recipe.model_fields)
RECIPE_PREFIX = "train_"
"""Before the names of the recipe's fields in a link: both request and recipe have a seed."""
LISTS = ("methods", "pinned", "settings", "ledger_kind", "ledger_state")
"""Fields that are lists of names: in a link “a~b”."""
PAPER_FIELDS = tuple(Setting.model_fields)
PAPER_PREFIX = "paper_"
NESTED = ("request", "recipe", "paper")
"""Fields of the view that are made of other ones; each of those has its own place in the link."""
ALWAYS_IN_LINK = ("model", "classes", "ratio", "strength")
PAPER_ALWAYS_IN_LINK = ("dataset", "architecture", "width")
"""Of a setting that is chosen; without one the page shows the first that is measured."""
MOST_EDITS: int = next(
    rule.max_length for rule in ForgetRequest.model_fields["edits"].metadata if hasattr(rule, "max_length")
)

Part = TypeVar("Part", Recipe, Setting)


def to_query(view: View) -> dict[str, str]:
    """Return the link's parameters: always the main settings, others where they differ from their default."""
    query = _parameters(view, without=NESTED, always=ALWAYS_IN_LINK)
    query |= _parameters(view.request, always=ALWAYS_IN_LINK)
    query |= _parameters(view.recipe, RECIPE_PREFIX)
    if view.paper is not None:
        query |= _parameters(view.paper, PAPER_PREFIX, always=PAPER_ALWAYS_IN_LINK)
    return query


def _parameters(
    part: BaseModel, prefix: str = "", *, without: Container[str] = (), always: Container[str] = ()
) -> dict[str, str]:
    return {
        f"{prefix}{name}": _written(name, getattr(part, name))
        for name, field in type(part).model_fields.items()
        if name not in without and (name in always or getattr(part, name) != field.default)
    }


def _written(name: str, value: Any) -> str:
    if name in ("classes", "forgets"):
        return "-".join(map(str, value))
    if name in LISTS:
        return "~".join(value)
    if name == "edits":
        return "~".join(f"{edit.layer}:{edit.channel}:{_number(edit.keep)}" for edit in value)
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """Every digit, so that the link opens exactly what was set; “1” rather than “1.0”."""
    return repr(value).removesuffix(".0")


def from_query(query: Mapping[str, str], zoo: Zoo) -> tuple[View, list[str]]:
    """Read a link's parameters. What is not allowed is replaced by its default and explained in a sentence."""
    problems: list[str] = []
    model = _model(query.get("model"), zoo, problems)
    classes = _classes(query.get("classes"), model.card.classes, problems)
    asked = {name: query[name] for name in REQUEST_FIELDS if name in query and name != "classes"}
    request = default_request(model, classes) if not asked else ForgetRequest(classes=classes)
    for name, text in asked.items():
        request = _with_field(request, name, text, model, problems)
    recipe = _part(Recipe, RECIPE_PREFIX, query, problems) or Recipe()
    view = View(model=model.name, request=request, recipe=recipe)
    for name in View.model_fields:
        if name in query and name not in ("model", *NESTED):
            view = _with_choice(view, name, query[name], model, problems)
    setting = _part(Setting, PAPER_PREFIX, query, problems)
    return (view if setting is None else _with_choice(view, "paper", setting, model, problems)), problems


def _part(kind: type[Part], prefix: str, query: Mapping[str, str], problems: list[str]) -> Part | None:
    """Return what a link says of a part of the view; None when it says nothing that is allowed."""
    part: Part | None = None
    for name in kind.model_fields:
        text = query.get(f"{prefix}{name}")
        if text is None:
            continue
        value: object = [one for one in text.split("-") if one][:10_000] if name == "forgets" else text
        try:
            part = parse(kind, {**(part or kind()).model_dump(), name: value})
        except RequestError as error:
            problems.append(f"{error} The default is used instead.")
    return part


def default_request(model: TrainedModel, classes: tuple[int, ...]) -> ForgetRequest:
    """Return what is shown before anything is set: the recommended setting, or the paper's without one."""
    return recommended(model, classes) or paper(model, classes)


def _model(name: str | None, zoo: Zoo, problems: list[str]) -> TrainedModel:
    if name is not None:
        try:
            return zoo.forgettable(name)
        except OrthoError as error:
            problems.append(f"{error} The default model is shown instead.")
    return zoo.get(default_model(zoo))


def _classes(text: str | None, names: Sequence[str], problems: list[str]) -> tuple[int, ...]:
    fallback = (PREFERRED_CLASS,) if len(names) > PREFERRED_CLASS else (0,)
    if text is None:
        return fallback
    try:
        classes = class_indices(names, _class_names(text, names)[:10_000])
        if not classes:
            raise RequestError("The link names no class to forget.")
        if len(classes) == len(names):
            raise RequestError(f"All {len(classes)} classes cannot be forgotten: nothing would be left to keep.")
    except OrthoError as error:
        problems.append(f"{error} {names[fallback[0]]} is shown instead.")
        return fallback
    return classes


def _class_names(text: str, classes: Sequence[str]) -> list[str]:
    """Split “7-9” or “7,Bag”; a hyphen inside a class's own name stays."""
    names = {name.casefold() for name in classes}
    parts = (part.strip() for part in text.split(","))
    return [name for part in parts for name in ([part] if part.casefold() in names else part.split("-")) if name]


def _with_field(
    request: ForgetRequest, name: str, text: str, model: TrainedModel, problems: list[str]
) -> ForgetRequest:
    value: object = text
    try:
        if name == "edits":
            value = parse_edits(text, model)
        changed = parse_request({**request.model_dump(), name: value})
        layers_in_scope(model.anatomy, changed.scope)
    except RequestError as error:
        problems.append(f"{error} The default is used instead.")
        return request
    return changed


def parse_edits(text: str, model: TrainedModel) -> Sequence[ChannelEdit]:
    """Read “layer:channel:keep~…”. Raises ``RequestError`` for anything that does not exist in the model."""
    edits, parts = [], text.split("~")
    if len(parts) > MOST_EDITS:
        raise RequestError(f"The link sets {len(parts):,} channels by hand; at most {MOST_EDITS:,} are allowed.")
    for part in parts:
        layer, channel, keep = [*part.rsplit(":", 2), "", ""][:3]
        try:
            edit = ChannelEdit.model_validate({"layer": layer, "channel": channel, "keep": keep})
        except ValidationError as error:
            raise RequestError(
                f"“{shortened(part)}” is not a channel set by hand: it is written layer:channel:fraction kept, "
                "as in conv1:3:0.5."
            ) from error
        checked_layer(model, edit.layer, edit.channel)
        edits.append(edit)
    return edits


def _with_choice(view: View, name: str, value: object, model: TrainedModel, problems: list[str]) -> View:
    if name in LISTS and isinstance(value, str):
        value = [part for part in value.split("~") if part]
    try:
        return view.with_choices(model, **{name: value})
    except RequestError as error:
        problems.append(f"{error} The default is used instead.")
        return view
