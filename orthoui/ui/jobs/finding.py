"""Which jobs there are: under way, paused, ended."""

from collections.abc import Sequence

from orthoui.ledger import ACTIVE, Run, RunFilter, ledger


def active_jobs(*, kind: Sequence[str] = (), dataset: str | None = None) -> list[Run]:
    """Return the jobs that run or wait, oldest first. One whose process was ended does neither."""
    if not ledger().count(RunFilter(state=ACTIVE)):  # on every page, at every run of it
        return []
    chosen = RunFilter(state=ACTIVE, kind=tuple(kind), dataset=dataset)
    return [run for run in ledger().find(chosen, sort="created") if not run.ended]


def paused_jobs(*, kind: Sequence[str] = ()) -> list[Run]:
    """Return the jobs that wait for a person, newest first."""
    return ledger().find(RunFilter(state=("paused",), kind=tuple(kind), jobs=True), limit=50)


def unfinished_jobs(*, kind: Sequence[str] = ()) -> list[Run]:
    """Return the jobs under way, then those that wait for a person."""
    return [*active_jobs(kind=kind), *paused_jobs(kind=kind)]


def ended_jobs(count: int, *, kind: Sequence[str] = (), dataset: str | None = None) -> list[Run]:
    """Return the jobs that ended last, newest first."""
    states = ("done", "failed", "cancelled", "interrupted")
    chosen = RunFilter(state=states, kind=tuple(kind), dataset=dataset, jobs=True)
    return [run for run in ledger().find(chosen, sort="-finished", limit=count) if run.ended]
