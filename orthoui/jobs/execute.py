"""Carry out a run: claim it, do its work, store how it ended. The same on a worker and on the command line."""

import gc
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from orthoui.errors import CancelledError, LedgerError, OrthoError, PausedError, RequestError, SupersededError
from orthoui.files import disk_full
from orthoui.jobs.context import Context
from orthoui.jobs.process import here
from orthoui.jobs.turns import DeviceTakenError, turn_on_device
from orthoui.jobs.watch import Watch
from orthoui.jobs.work import Work, find_work
from orthoui.ledger import Attempt, NewRun, Progress, Result, Run, ledger
from orthoui.ledger.values import Identity
from orthoui.memory import keep_memory, release_device_memory, release_memory
from orthoui.settings import settings

RETRY_SECONDS = (1, 2, 4, 8)
"""Pauses between the attempts to store an end that the ledger does not take: hours of work may hang on it."""

_one_at_a_time = threading.Lock()
"""A process has one device, however many threads a worker of a cluster was given."""

Show = Callable[[Progress], None]
Leave = Callable[[], None]


def describe(
    work: Work,
    payload: BaseModel | Mapping[str, object],
    title: str,
    *,
    method: str | None,
    group: str | None,
    identity: Identity | None,
    tags: tuple[str, ...],
) -> NewRun:
    """Return the run that a request asks for. Raises ``RequestError`` when the work does not take the request."""
    return NewRun(
        kind=work.name,
        title=title,
        request=work.parse(payload).model_dump(mode="json"),
        method=method,
        group=group,
        tags=tags,
        **(identity.model_dump(include=set(Identity.model_fields)) if identity else {}),
    )


def run_here(
    kind: str,
    payload: BaseModel | Mapping[str, object],
    title: str,
    *,
    method: str | None = None,
    group: str | None = None,
    identity: Identity | None = None,
    tags: tuple[str, ...] = (),
    show: Show | None = None,
) -> Run:
    """Carry out a job in this process and return the finished run; ``show`` is called with every progress.

    Raises what the work raises, after it was stored.
    """
    work = find_work(kind)
    new = describe(work, payload, title, method=method, group=group, identity=identity, tags=tags)
    run = ledger().queue.add(new, server=None, module=work.module)
    error = execute(run.id, run.ticket, show=show)
    if error is not None:
        raise error
    return ledger().get(run.id)


def on_worker(run_id: str, ticket: int) -> None:
    """Carry out a run on a Dask worker. One that a nanny watches may be ended to stop a work that does not look.

    Raises ``RequestError`` when the worker has another ledger than the server, which is told to the person there.
    """
    from distributed import get_worker

    _check_ledger(run_id)
    if execute(run_id, ticket, leave=_leave if get_worker().nanny else None) is not None:
        gc.collect()  # an error holds what its frames held
    release_memory()
    release_device_memory()


def on_local_worker(run_id: str, ticket: int) -> None:
    """Do as ``on_worker`` if no other server uses the device; else let Dask choose a worker once more.

    Until then the run stays in the queue. Raises ``distributed.Reschedule``.
    """
    from distributed import Reschedule

    run = ledger().get(run_id)
    if run.ticket != ticket or run.ended or not find_work(run.kind, run.module).on_device:
        on_worker(run_id, ticket)
        return
    try:
        with turn_on_device():
            on_worker(run_id, ticket)
    except DeviceTakenError:
        raise Reschedule from None


def _check_ledger(run_id: str) -> None:
    try:
        ledger().get(run_id)
    except RequestError as error:
        raise RequestError(
            f"its ledger, {ledger().name} on {socket.gethostname()}, does not know it. Set ORTHOUI_DB to the same "
            "database on the server and on all workers, start them again, and retry."
        ) from error


def execute(run_id: str, ticket: int, *, leave: Leave | None = None, show: Show | None = None) -> Exception | None:
    """Claim a run and carry it out; return the error that ended it, if one did.

    Nothing happens when the ticket is void: the run was cancelled, paused or given to another worker meanwhile.
    Raises ``LedgerError`` when the ledger cannot be reached.
    """
    with _one_at_a_time:
        folder = settings().runs_folder / run_id
        attempt = ledger().queue.start(run_id, ticket, worker=here(), folder=str(folder))
        if attempt is None:
            return None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            attempt.fail(f"The folder {folder} cannot be made ({reason}). Make it writable, or set ORTHOUI_HOME.")
            return error
        keep_memory()
        return _carry_out(attempt, folder, leave, show)


def _carry_out(attempt: Attempt, folder: Path, leave: Leave | None, show: Show | None) -> Exception | None:
    watch = Watch(attempt, leave=leave, show=show)
    context = Context(attempt.run, folder, watch)
    context.log(f"Attempt {attempt.run.attempt} begins in {here()}.")
    result = Result()
    error: Exception | None = None
    try:
        with watch:
            result = _do(attempt.run, context)
    except KeyboardInterrupt:
        context.log("Stopped from the keyboard.")
        attempt.cancel()
        raise
    except Exception as raised:  # noqa: BLE001  whatever the work raises is stored as the run's error
        error = raised
    return _store(attempt, context, result, error)


def _do(run: Run, context: Context) -> Result:
    work = find_work(run.kind, run.module)
    outcome = work.function(work.parse(run.request), context)
    try:
        return Result.model_validate(outcome)
    except ValidationError as error:
        raise TypeError(f"The work “{run.kind}” returned no result: {error}") from error


def _store(attempt: Attempt, context: Context, result: Result, error: Exception | None) -> Exception | None:
    try:
        match error:
            case None:
                _insist(lambda: attempt.finish(result))
                context.log("Done.")
            case CancelledError():
                context.log("Cancelled.")
                _insist(attempt.cancel)
            case PausedError():
                context.log("Paused at a checkpoint.")
                _insist(attempt.pause)
            case SupersededError():
                context.log(str(error))
            case _:
                context.log("".join(traceback.format_exception(error)))
                sentence = in_words(error)
                _insist(lambda: attempt.fail(sentence))
    except SupersededError as late:
        context.log(str(late))
        return late
    return error


def in_words(error: Exception) -> str:
    """Return a sentence for a person; one that was not foreseen names its kind and points to the log."""
    if isinstance(error, OrthoError):
        return str(error)
    if disk_full(error):
        place = Path(error.filename).parent if isinstance(error.filename, str) else settings().home
        return (
            f"There is no room left on the disk of {place}. Free some space there, or set ORTHOUI_HOME to a folder "
            "on another disk, and try again."
        )
    from orthoui.models.room import out_of_memory  # loads torch, which the watching process does without

    if out_of_memory(error):
        return (
            "There was not enough memory on the device. Choose a smaller batch size or a narrower network, close "
            "what else uses the device, or set ORTHOUI_DEVICE to cpu, and try again."
        )
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"The run stopped at an unexpected error ({what}). Its log has the details."


def _insist(store: Callable[[], None]) -> None:
    for seconds in RETRY_SECONDS:
        try:
            return store()
        except LedgerError:
            time.sleep(seconds)
    return store()


def _leave() -> None:
    os._exit(1)
