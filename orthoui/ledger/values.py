"""What goes into the ledger and comes out of it: frozen values, never rows of the database."""

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from orthoui.provenance import code_version

State = Literal["queued", "running", "paused", "done", "failed", "cancelled", "interrupted"]
Action = Literal["none", "cancel", "pause"]

WAITING: tuple[State, ...] = ("queued", "interrupted")
"""A run in one of these states is given to the next free worker, if a server looks after it."""

ACTIVE: tuple[State, ...] = (*WAITING, "running")
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")

EVALUATION = "evaluation"
"""The stage that only measures what came out: no part of what a method costs."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Progress(_Frozen):
    """How far a run has come. ``metrics`` holds what is already known, such as the accuracy so far."""

    step: int = 0
    steps: int = 0
    loss: float | None = None
    message: str = ""
    seconds_left: float | None = Field(default=None, description="from the measured speed; None: not known yet")
    metrics: dict[str, Any] = Field(default_factory=dict)
    part: float | None = Field(default=None, ge=0, le=1, description="how much is done, where steps differ in work")

    @property
    def share(self) -> float:
        """Part that is done, 0 to 1."""
        if self.part is not None:
            return self.part
        return min(1.0, self.step / self.steps) if self.steps > 0 else 0.0


class Identity(_Frozen):
    """On what a run computes. A digest that is known only when the run ends may be filled in by its result."""

    model: str | None = None
    model_digest: str | None = None
    architecture: str | None = None
    dataset: str | None = None
    data_digest: str | None = None
    seed: int | None = None
    device: str | None = None


class NewRun(Identity):
    """A run as it is asked for."""

    kind: str = Field(min_length=1, max_length=80, description="name of the work, e.g. forget, train, method")
    title: str = Field(min_length=1, max_length=500, description="plain words")
    request: dict[str, Any] = Field(default_factory=dict)
    method: str | None = Field(default=None, max_length=200, description="which method, where the kind has several")
    group: str | None = Field(default=None, max_length=40, description="the comparison it belongs to")
    version: str = Field(default_factory=code_version, description="version of the code, with its commit if known")
    tags: tuple[str, ...] = ()


class Result(Identity):
    """What a finished run hands over. Of its identity only what is given replaces what was known before."""

    metrics: dict[str, Any] = Field(default_factory=dict, description="measured values, with their intervals")
    timings: dict[str, float] = Field(
        default_factory=dict, description="seconds per stage: statistics, edit, optimisation, evaluation"
    )

    def identity(self) -> dict[str, Any]:
        """Return the identity fields that are given."""
        return self.model_dump(include=set(Identity.model_fields), exclude_none=True)


class Run(NewRun):
    """One run as the ledger knows it. Times are in UTC."""

    id: str
    state: State
    request_digest: str
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    timings: dict[str, float] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    error: str | None = None
    progress: Progress | None = None
    attempt: int = Field(default=0, description="how often a worker has claimed it; the fencing token of its writes")
    requested: Action = "none"
    heartbeat: datetime | None = None
    worker: str | None = Field(default=None, description="host:pid:start of the process that carries it out")
    server: str | None = Field(default=None, description="the process that looks after it while it waits")
    ticket: int = Field(default=0, description="how often it was handed to the scheduler")
    lost_workers: int = Field(default=0, description="workers that were killed while they carried it out")
    module: str | None = Field(default=None, description="Python module that registers the work")
    folder: str | None = Field(default=None, description="folder of its checkpoint and log")

    @property
    def waiting(self) -> bool:
        """Whether it is in a queue: an interrupted run waits only if a server looks after it."""
        return self.state in WAITING and self.server is not None

    @property
    def ended(self) -> bool:
        """Whether it will not change any more unless someone retries it."""
        return self.state in ENDED or (self.state == "interrupted" and self.server is None)

    @property
    def seconds(self) -> float | None:
        """Seconds of all measured stages, else of the last attempt; None before it has finished."""
        if self.timings:
            return sum(self.timings.values())
        if self.started is None or self.finished is None:
            return None
        return (self.finished - self.started).total_seconds()

    @property
    def working_seconds(self) -> float:
        """Seconds of all stages but evaluation: what a method costs; 0 where none was measured."""
        return sum(seconds for stage, seconds in self.timings.items() if stage != EVALUATION)


def request_digest(request: dict[str, Any]) -> str:
    """Return the stable name of a request: SHA-256 of its JSON with sorted keys, 16 hex digits."""
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
