"""What workers can do: functions by name, with a validated request each."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from orthoui.errors import OrthoError
from orthoui.ledger import Result
from orthoui.registry import Registry
from orthoui.wording import parse

if TYPE_CHECKING:
    from orthoui.jobs.context import Context

Payload = TypeVar("Payload", bound=BaseModel)
Outcome = Result | Mapping[str, Any]
"""A result, or the fields of one: ``{"metrics": …, "timings": …}``."""


@dataclass(frozen=True)
class Work:
    """A registered function and its request model."""

    name: str
    payload: type[BaseModel]
    function: Callable[[Any, Context], Outcome]
    pausable: bool
    """Whether it stops at checkpoints."""
    on_device: bool
    """Whether it computes on the device, so that it has to wait for others that do."""

    def parse(self, payload: BaseModel | Mapping[str, object]) -> BaseModel:
        """Return the validated request. Raises ``RequestError``."""
        fields = payload.model_dump(mode="json") if isinstance(payload, BaseModel) else payload
        return parse(self.payload, fields)

    @property
    def module(self) -> str:
        """Python module whose import registers the work, also on a worker."""
        return self.function.__module__


WORKS: Registry[Work] = Registry("kind of job")


def work(
    name: str, payload: type[Payload], *, pausable: bool = False, on_device: bool = True
) -> Callable[[Callable[[Payload, Context], Outcome]], Callable[[Payload, Context], Outcome]]:
    """Register a function ``(request, context) -> Result`` as the work of runs of kind ``name``.

    The function runs in another process: it gets everything by its request, reports with ``context.progress``, calls
    ``context.check()`` at least once a second, and, when ``pausable``, writes its checkpoint to ``context.folder``,
    calls ``context.checkpointed()`` after it, and begins from one that it finds there.
    """

    def register(function: Callable[[Payload, Context], Outcome]) -> Callable[[Payload, Context], Outcome]:
        WORKS.add(name)(Work(name, payload, function, pausable, on_device))
        return function

    return register


def find_work(name: str, module: str | None = None) -> Work:
    """Return the work of that name, importing the module that registers it. Raises ``OrthoError``."""
    if module is not None and name not in WORKS:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise OrthoError(
                f"The worker does not know how to “{name}”: {module} cannot be imported there ({error}). Install the "
                "same version of OrthoUI on all machines."
            ) from error
    return WORKS[name]
