"""One wording for refused values: what was asked and what is allowed, from the bounds that fields declare."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from orthoui.errors import RequestError, shortened

LIMITS = ("ge", "gt", "le", "lt")
LIMIT_FAULTS = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
NOT_A_NUMBER = ("int_parsing", "float_parsing", "int_type", "float_type", "int_from_float", "finite_number")

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], fields: Mapping[str, object]) -> Model:
    """Build a model from untrusted fields. Raises ``RequestError`` in plain words."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise RequestError(explain(error, model)) from error


def explain(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Say what was asked and what is allowed, one sentence for every fault; ``model`` gives the fields' titles.

    >>> from pydantic import Field
    >>> class Request(BaseModel):
    ...     ratio: float = Field(ge=0, le=0.5)
    >>> try:
    ...     Request(ratio=0.9)
    ... except ValidationError as error:
    ...     explain(error, Request)
    'Ratio cannot be 0.9: choose a number from 0 to 0.5.'
    """
    return " ".join(_sentence(fault, model) for fault in error.errors(include_url=False))


def title(name: str, field: FieldInfo | None = None) -> str:
    """Return the name of a field that a person reads: its title, else its own name as words."""
    return (field.title if field else None) or name.replace("_", " ").capitalize()


def joined(names: Sequence[str]) -> str:
    """Return “A”, “A and B” or “A, B and C”."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def bounds(field: object) -> tuple[float | None, float | None]:
    """Return the least and the largest allowed value of a pydantic field, None where it declares none."""
    limits = _limits(field)
    return limits.get("ge"), limits.get("le")


def range_words(field: FieldInfo) -> str | None:
    """Return a field's bounds in words, e.g. “from 0 to 0.5”; None when it declares none."""
    return _range(_limits(field)) if _limits(field) else None


def _limits(field: object) -> dict[str, float]:
    constraints = getattr(field, "metadata", ())
    return {name: getattr(rule, name) for rule in constraints for name in LIMITS if hasattr(rule, name)}


def _range(limits: Mapping[str, float]) -> str:
    low, high = limits.get("ge"), limits.get("le")
    if low is not None and high is not None:
        return f"from {low:,} to {high:,}"
    words = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}
    return " and ".join(f"{words[name]} {limit:,}" for name, limit in limits.items())


def _sentence(fault: ErrorDetails, model: type[BaseModel] | None) -> str:
    where = fault["loc"]
    field = model.model_fields.get(str(where[0])) if model and where else None
    name = title(" ".join(str(part) for part in where), None) if field is None else title(str(where[0]), field)
    match fault["type"]:
        case "missing":
            return f"{name} is missing: give a value."
        case "extra_forbidden":
            return f"There is no option {name}."
        case "too_short":
            return f"{name}: choose at least {fault['ctx']['min_length']}."
        case "too_long":
            return f"{name}: choose at most {fault['ctx']['max_length']:,}."
    allowed = _allowed(fault, field)
    if not where:  # the value as a whole was refused, in its own words
        return allowed[:1].upper() + allowed[1:] + "."
    return f"{name} cannot be {_shown(fault['input'])}: {allowed}."


def _allowed(fault: ErrorDetails, field: FieldInfo | None) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    limits = _limits(field)
    if kind in LIMIT_FAULTS:
        limit = LIMIT_FAULTS[kind]
        return f"choose {_number(field)} {_range(limits or {limit: context[limit]})}"
    if kind in NOT_A_NUMBER:
        return f"choose {_number(field)}" + (f" {_range(limits)}" if limits else "")
    if kind == "bool_parsing":
        return "choose true or false"
    if kind in ("literal_error", "enum"):
        return f"choose {context['expected']}".replace("'", "")
    if kind == "string_pattern_mismatch" and field is not None and field.description:
        return field.description[:1].lower() + field.description[1:].rstrip(".")
    if kind == "value_error":
        return str(context["error"]).rstrip(".")
    words = fault["msg"].replace("Input should", "it should")
    return words[:1].lower() + words[1:].rstrip(".")


def _number(field: FieldInfo | None) -> str:
    return "a whole number" if field is not None and field.annotation is int else "a number"


def _shown(value: Any) -> str:
    """Numbers as they are, also those that came as text; everything else in quotation marks, cut when long."""
    text = shortened(str(value))
    try:
        float(text)
    except ValueError:
        return f"“{text}”"
    return text
