"""The tables, as the newest migration leaves them."""

import math
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKey, Index, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from orthoui.ledger.values import Run

NOT_COLUMNS = ("tags",)


class Utc(TypeDecorator[datetime]):
    """A point in time with its zone, also on SQLite, which stores none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC."""
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text that any database takes: an error message may hold a zero byte or half of a character."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Replace what is not text."""
        return None if value is None else whole(value.replace("\0", ""))


class Document(TypeDecorator[Any]):
    """A JSON document. A number that is not finite is stored as null: not measured is never 0."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """Replace what JSON has no words for."""
        return in_json(value)


def whole(text: str) -> str:
    """Return text without halves of characters, which file names can hold and no database takes."""
    return text.encode(errors="replace").decode()


def in_json(value: Any) -> Any:
    """Return a JSON-like value with None for every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole(str(key)): in_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [in_json(part) for part in value]
    return value


class Base(DeclarativeBase):
    """What all tables share."""

    type_annotation_map = {str: Words, datetime: Utc, dict[str, Any]: Document}  # noqa: RUF012  SQLAlchemy's own


class RunRow(Base):
    """One run."""

    __tablename__ = "orthoui_runs"
    __table_args__ = (
        Index("orthoui_runs_state", "state"),
        Index("orthoui_runs_kind", "kind", "method"),
        Index("orthoui_runs_group", "group_id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(80))
    method: Mapped[str | None] = mapped_column(String(200))
    title: Mapped[str]
    state: Mapped[str] = mapped_column(String(16))
    group: Mapped[str | None] = mapped_column("group_id", String(40))
    request: Mapped[dict[str, Any]]
    request_digest: Mapped[str] = mapped_column(String(16))
    model: Mapped[str | None]
    model_digest: Mapped[str | None]
    architecture: Mapped[str | None]
    dataset: Mapped[str | None]
    data_digest: Mapped[str | None]
    version: Mapped[str]
    seed: Mapped[int | None] = mapped_column(BigInteger)
    device: Mapped[str | None]
    created: Mapped[datetime]
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    timings: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    error: Mapped[str | None]
    progress: Mapped[dict[str, Any] | None] = mapped_column(Document(none_as_null=True))
    attempt: Mapped[int]
    requested: Mapped[str] = mapped_column(String(16))
    heartbeat: Mapped[datetime | None]
    worker: Mapped[str | None]
    server: Mapped[str | None]
    ticket: Mapped[int]
    lost_workers: Mapped[int]
    module: Mapped[str | None]
    folder: Mapped[str | None]
    tags: Mapped[list["TagRow"]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by="TagRow.tag", passive_deletes=True
    )

    def value(self) -> Run:
        """Return the run without its row."""
        columns = {name: getattr(self, name) for name in Run.model_fields if name not in NOT_COLUMNS}
        return Run.model_validate({**columns, "tags": tuple(row.tag for row in self.tags)})


class TagRow(Base):
    """One tag of one run."""

    __tablename__ = "orthoui_tags"
    __table_args__ = (Index("orthoui_tags_tag", "tag"),)

    run_id: Mapped[str] = mapped_column(
        String(40), ForeignKey("orthoui_runs.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(String(80), primary_key=True)
