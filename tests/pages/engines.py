"""An engine without workers: what is asked for lies in the ledger, and the test itself plays the worker."""

from collections.abc import Mapping

import pytest
from pydantic import BaseModel

from orthoui.jobs.execute import describe, execute
from orthoui.jobs.work import find_work
from orthoui.ledger import Attempt, Progress, Run, ledger
from orthoui.ledger.values import Identity

SERVER = "elsewhere:1:1"
ASKING = (
    "ui.train.panel", "ui.jobs.acting", "ui.images", "ui.methods.chooser", "ui.methods.results", "ui.methods.search",
    "ui.methods.afterwards", "ui.tuning_panel", "ui.paper.running",
)  # fmt: skip


class Engine:
    """Queues and acts, as the real one does, but hands nothing out."""

    problem: str | None = None

    def submit(
        self,
        kind: str,
        payload: BaseModel | Mapping[str, object],
        title: str,
        *,
        method: str | None = None,
        group: str | None = None,
        identity: Identity | None = None,
    ) -> str:
        work = find_work(kind)
        new = describe(work, payload, title, method=method, group=group, identity=identity, tags=())
        return ledger().queue.add(new, server=SERVER, module=work.module).id

    def cancel(self, run_id: str) -> Run:
        return ledger().queue.cancel(run_id)

    def pause(self, run_id: str) -> Run:
        return ledger().queue.pause(run_id)

    def resume(self, run_id: str) -> Run:
        return ledger().queue.resume(run_id, SERVER)

    def retry(self, run_id: str) -> Run:
        return ledger().queue.retry(run_id, SERVER)


def install(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Let the pages use an engine without workers."""
    engine = Engine()
    for module in ASKING:
        monkeypatch.setattr(f"orthoui.{module}.engine", lambda: engine)
    return engine


def carry_out(run_id: str) -> Run:
    """Do all that a worker does, in this process."""
    ticket = ledger().queue.hand_out(run_id, SERVER)
    assert ticket is not None
    assert execute(run_id, ticket) is None
    return ledger().get(run_id)


def begin(run_id: str, progress: Progress | None = None) -> Attempt:
    """Do what a worker does first."""
    ticket = ledger().queue.hand_out(run_id, SERVER)
    assert ticket is not None
    attempt = ledger().queue.start(run_id, ticket, worker="elsewhere:2:2", folder="")
    assert attempt is not None
    attempt.beat(progress)
    return attempt
