"""Settings of methods as text: “ssd.selection=30”, on the command line and in a link."""

from collections.abc import Iterable
from typing import Any

from orthoui.errors import RequestError, shortened
from orthoui.methods.base import METHODS
from orthoui.wording import parse


def settings_in(texts: Iterable[str]) -> dict[str, dict[str, str | None]]:
    """Return method → field → value as written, None for an empty one. Raises ``RequestError`` for other text.

    >>> settings_in(["ssd.selection=30", "ssd.seed=1"])
    {'ssd': {'selection': '30', 'seed': '1'}}
    """
    found: dict[str, dict[str, str | None]] = {}
    for part in texts:
        name, dot, rest = part.partition(".")
        field, equals, value = rest.partition("=")
        if not (dot and equals and name and field):
            raise RequestError(
                f"“{shortened(part)}” is no setting: write METHOD.FIELD=VALUE, as in ssd.selection=30."
            )
        found.setdefault(name, {})[field] = value or None
    return found


def check_settings(texts: Iterable[str]) -> None:
    """Raise ``UnknownNameError`` for an unknown method, ``RequestError`` for a value that it does not take."""
    for name, fields in settings_in(texts).items():
        parse(METHODS[name].request, {"classes": (0,), **fields})


def written(name: str, field: str, value: Any) -> str:
    """Return the text of one setting, with every digit.

    >>> written("ssd", "selection", 0.1), written("retrain", "epochs", None)
    ('ssd.selection=0.1', 'retrain.epochs=')
    """
    return f"{name}.{field}={'' if value is None else value}"
