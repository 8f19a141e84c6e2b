"""Which runs, in which order: a filter and a sort become one select statement."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, or_

from orthoui.errors import UnknownNameError
from orthoui.ledger.schema import RunRow, TagRow
from orthoui.ledger.values import State

NAMED = ("kind", "model", "dataset", "method", "architecture")
"""Columns whose values are names that a filter can offer."""
SORTABLE = (
    "created", "started", "finished", "title", "kind", "method", "state", "model", "dataset", "seed", "id",
)  # fmt: skip
SEARCHED = (RunRow.id, RunRow.title, RunRow.kind, RunRow.method, RunRow.model, RunRow.dataset, RunRow.error)
EQUAL = (
    "model", "model_digest", "dataset", "data_digest", "method", "architecture", "group", "server", "request_digest",
    "version",
)  # fmt: skip
ANY_OF = ("kind", "state")


class RunFilter(BaseModel):
    """Which runs: every field that is given narrows the choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: tuple[str, ...] = Field(default=(), description="one of these kinds")
    state: tuple[State, ...] = Field(default=(), description="one of these states")
    model: str | None = None
    model_digest: str | None = None
    dataset: str | None = None
    data_digest: str | None = None
    method: str | None = None
    architecture: str | None = None
    group: str | None = None
    server: str | None = None
    request_digest: str | None = None
    version: str | None = None
    jobs: bool = Field(default=False, description="only runs that were asked for as jobs, not recorded afterwards")
    tag: str | None = None
    text: str | None = Field(default=None, max_length=500, description="a part of title, model, error, …, any case")

    def conditions(self) -> Iterable[ColumnElement[bool]]:
        """Yield what the database is asked for."""
        for name in EQUAL:
            if getattr(self, name) is not None:
                yield getattr(RunRow, name) == getattr(self, name)
        for name in ANY_OF:
            if getattr(self, name):
                yield getattr(RunRow, name).in_(getattr(self, name))
        if self.jobs:
            yield RunRow.module.is_not(None)
        if self.tag is not None:
            yield RunRow.tags.any(TagRow.tag == self.tag)
        for word in (self.text or "").split():
            yield or_(*(column.icontains(word, autoescape=True) for column in SEARCHED))


def order(statement: Select[Any], sort: str) -> Select[Any]:
    """Sort by one column, ``-`` in front for the largest first; runs without a value come last.

    Raises ``UnknownNameError``.
    """
    name = sort.removeprefix("-")
    if name not in SORTABLE:
        raise UnknownNameError("column to sort by", name, SORTABLE)
    columns = [getattr(RunRow, name), RunRow.id]
    return statement.order_by(
        *((column.desc() if sort.startswith("-") else column.asc()).nulls_last() for column in columns)
    )
