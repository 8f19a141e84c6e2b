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
from orthoui.bench.report import Benchmark, describe_machine
from orthoui.bench.rows import Row
from orthoui.bench.server import ServerError
from orthoui.bench.sizes import FULL, QUICK, Sizes
from orthoui.bench.subjects import DATASET, random_model
from orthoui.data import Dataset, load_dataset
from orthoui.models.device import resolve_device
from orthoui.models.zoo import default_model, zoo

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LEFT_OUT = "left out of a quick run: run “orthoui bench” without --quick"
NO_BROWSER_ASKED = "left out by --no-browser"
TOO_SLOW = "the page had not got there when the time was up; is the machine busy with other work?"
EMBEDDED = "embedded model"
FULL_WIDTH = "ResNet-18 of the paper's width"
BROWSER_SECONDS = 15.0
"""A browser is not started with less time left than this."""

Progress = Callable[[str], None]


def benchmark(*, quick: bool, browser: bool, progress: Progress = lambda _: None) -> Benchmark:
    """Measure everything. ``progress`` is told in words what is measured next. Raises ``OrthoError``."""
    sizes = QUICK if quick else FULL
    budget = Budget(sizes.seconds)
    machine = describe_machine(resolve_device())
    rows = list(core_rows(sizes, progress))
    rows += browser_rows(sizes, budget, progress) if browser else _no_browser(sizes, NO_BROWSER_ASKED)
    return Benchmark(machine=machine, quick=quick, seconds=round(budget.spent, 1), rows=tuple(rows))


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
        return plan_row("cuda").missing("there is no GPU here")
    model = random_model(folder, data, sizes.width, torch.device("cuda"))
    return plan_and_apply(model, data["train"], sizes.plans)


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
