"""The whole benchmark: every row in order, each measured or with the reason why not."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from orthoui.bench import live, sessions
from orthoui.bench.browser import NoBrowserError, chromium
from orthoui.bench.clock import Budget
from orthoui.bench.core import (
    COLD_ROW,
    cold_forgetting,
    evaluation,
    evaluation_row,
    plan_and_apply,
    plan_from_cache,
    plan_row,
)
from orthoui.bench.promises import CLUSTER_ROW, METHOD_ROWS, QUEUE_ROW, TRAINING_ROWS
from orthoui.bench.report import Benchmark, describe_machine
from orthoui.bench.rows import LEFT_OUT, NO_GPU, Row
from orthoui.bench.server import ServerError
from orthoui.bench.sizes import FULL, QUICK, Sizes
from orthoui.bench.subjects import DATASET, random_model
from orthoui.data import Dataset, load_dataset
from orthoui.errors import OrthoError, UnknownNameError
from orthoui.models.device import resolve_device
from orthoui.models.zoo import default_model, zoo

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NO_BROWSER_ASKED = "left out by --no-browser"
TOO_SLOW = "the page had not got there when the time was up; is the machine busy with other work?"
EMBEDDED = "embedded model"
FULL_WIDTH = "ResNet-18 of the paper's width"
GROUPS = ("core", "training", "methods", "cluster", "browser")
"""Groups of rows, in their order."""
BROWSER_SECONDS = 15.0
"""A browser is not started with less time left than this."""

Progress = Callable[[str], None]


def benchmark(
    *, quick: bool, browser: bool, only: Sequence[str] = (), progress: Progress = lambda _: None
) -> Benchmark:
    """Measure everything, or the groups of rows that are named. ``progress`` is told in words what is next.

    Raises ``OrthoError``, of which ``UnknownNameError`` for a group that is not there.
    """
    for name in only:
        if name not in GROUPS:
            raise UnknownNameError("group of rows", name, GROUPS)
    chosen = tuple(name for name in GROUPS if name in (only or GROUPS))
    sizes = QUICK if quick else FULL
    budget = Budget(sizes.seconds)
    machine = describe_machine(resolve_device())
    rows: list[Row] = []
    for name in chosen:
        rows += _rows_of(name, sizes, budget, progress, browser=browser)
    return Benchmark(
        machine=machine,
        quick=quick,
        only=chosen if only else (),
        seconds=round(budget.spent, 1),
        rows=tuple(rows),
    )


def _rows_of(name: str, sizes: Sizes, budget: Budget, progress: Progress, *, browser: bool) -> Iterator[Row]:
    match name:
        case "core":
            return core_rows(sizes, progress)
        case "training":
            return training_rows(sizes, progress)
        case "methods":
            return method_rows(sizes, progress)
        case "cluster":
            return cluster_rows(sizes, progress)
        case _:
            return browser_rows(sizes, budget, progress) if browser else _no_browser(sizes, NO_BROWSER_ASKED)


def core_rows(sizes: Sizes, progress: Progress) -> Iterator[Row]:
    """Measure the rows that need no browser."""
    data, device = load_dataset(DATASET), resolve_device()
    with tempfile.TemporaryDirectory(prefix="orthoui-bench-") as folder:
        progress("planning and applying")
        model = random_model(Path(folder), data, sizes.width, torch.device("cpu"))
        yield plan_and_apply(model, data["train"], sizes.plans)
        yield plan_from_cache(model, data, Path(folder) / "profiles", sizes.plans)
        yield _plan_on_gpu(Path(folder), data, sizes)
        if device.type != "cpu":
            model = random_model(Path(folder), data, sizes.width, device)
        progress("cold forgetting")
        yield cold_forgetting(model, data["train"], sizes.cold) if sizes.cold else COLD_ROW.missing(LEFT_OUT)
        progress("evaluation")
        yield evaluation(zoo().get(default_model(zoo())), data, sizes.embedded_images, EMBEDDED, sizes.evaluations)
        if sizes.full_width_images:
            yield evaluation(model, data, sizes.full_width_images, FULL_WIDTH, sizes.evaluations)
        else:
            yield evaluation_row(FULL_WIDTH).missing(LEFT_OUT)


def _plan_on_gpu(folder: Path, data: Dataset, sizes: Sizes) -> Row:
    if not torch.cuda.is_available():
        return plan_row("cuda").missing(NO_GPU)
    model = random_model(folder, data, sizes.width, torch.device("cuda"))
    return plan_and_apply(model, data["train"], sizes.plans)


def training_rows(sizes: Sizes, progress: Progress) -> Iterator[Row]:
    """Measure how fast training is."""
    if not sizes.training_blocks:
        return _left_out(TRAINING_ROWS)
    from orthoui.bench import training  # what trains takes a second to load, which a quick run does not have

    return training.training_rows(sizes, progress)


def method_rows(sizes: Sizes, progress: Progress) -> Iterator[Row]:
    """Measure the methods on the embedded model, against each other and against training."""
    if not sizes.prunings:
        yield from _left_out(METHOD_ROWS)
        return
    from orthoui.bench import queueing, retraining, stepping, unlearning

    device, model = resolve_device(), zoo().get(default_model(zoo()))
    data = model.data()
    yield from unlearning.against_fastest(model, data, sizes.prunings, progress)
    with tempfile.TemporaryDirectory(prefix="orthoui-bench-") as folder:
        progress("soft pruning and Retrain at the paper's width")
        yield retraining.against_retrain(sizes, device, Path(folder))
    progress("SSD and its gradient passes")
    yield unlearning.dampening(model, data, sizes.dampenings)
    yield stepping.step_rates(model, data, sizes.batch, sizes.method_steps, sizes.method_rounds, progress)
    progress("jobs from the queue to their first step")
    with tempfile.TemporaryDirectory(prefix="orthoui-bench-") as home:
        job = queueing.training_job(model.name)
        yield _unless_it_fails(QUEUE_ROW, lambda: queueing.overhead(job, str(device), Path(home), sizes.jobs))


def cluster_rows(sizes: Sizes, progress: Progress) -> Iterator[Row]:
    """Measure a comparison on a cluster that loses a worker."""
    if not sizes.cluster:
        yield from _left_out((CLUSTER_ROW,))
        return
    from orthoui.bench import cluster

    progress("a comparison on a cluster that loses a worker, which takes minutes")
    model = default_model(zoo())
    with tempfile.TemporaryDirectory(prefix="orthoui-bench-") as home:
        yield _unless_it_fails(CLUSTER_ROW, lambda: cluster.killed_half_way(model, Path(home)))


def _unless_it_fails(row: Row, measure: Callable[[], Row]) -> Row:
    try:
        return measure()
    except OrthoError as error:
        return row.missing(str(error).splitlines()[0])


def _left_out(rows: Sequence[Row]) -> Iterator[Row]:
    return (row.missing(LEFT_OUT) for row in rows)


def browser_rows(sizes: Sizes, budget: Budget, progress: Progress) -> Iterator[Row]:
    """Measure the rows that need a browser; what goes wrong becomes the reason of the row it spoils."""
    if budget.left < BROWSER_SECONDS:
        yield from _no_browser(sizes, "the time of a quick run was up")
        return
    try:
        with chromium() as opened:
            progress("the first page and steps of the slider, in a browser")
            page_rows = (*live.PAGE_ROWS, *_step_rows(sizes))
            yield from explained(page_rows, live.visits(opened, sizes, budget))
            if sizes.sessions:
                progress(f"memory of {sizes.sessions} browser sessions, which takes minutes")
                yield from explained([sessions.MEMORY_ROW], _memory(opened, sizes))
            else:
                yield sessions.MEMORY_ROW.missing(LEFT_OUT)
    except NoBrowserError as error:
        yield from _no_browser(sizes, str(error))


def explained(promised: Sequence[Row], measuring: Iterator[Row]) -> Iterator[Row]:
    """Yield what is measured; when the browser or the server fails, the rest of ``promised`` with the reason."""
    from playwright.sync_api import Error
    from playwright.sync_api import TimeoutError as TooSlowError

    missing = {row.what: row for row in promised}
    reason = "nothing was measured"
    try:
        for row in measuring:
            missing.pop(row.what)
            yield row
    except TooSlowError:
        reason = TOO_SLOW
    except (Error, ServerError) as error:
        reason = str(error).strip().splitlines()[0]
    for row in missing.values():
        yield row.missing(reason)


def _memory(opened: "Browser", sizes: Sizes) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="orthoui-bench-") as home:
        yield sessions.memory_of_sessions(opened, sizes.sessions, sizes.width, Path(home))


def _step_rows(sizes: Sizes) -> tuple[Row, ...]:
    return (*live.STEP_ROWS, live.HURRIED_ROW) if sizes.hurried_steps else live.STEP_ROWS


def _no_browser(sizes: Sizes, reason: str) -> Iterator[Row]:
    for row in (*live.PAGE_ROWS, *_step_rows(sizes), sessions.MEMORY_ROW):
        yield row.missing(reason)
