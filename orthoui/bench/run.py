"""The whole benchmark: every row in order, each measured or with the reason why not."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from orthoui.bench import live, sessions
from orthoui.bench.browser import NoBrowserError, chromium
from orthoui.bench.clock import Budget
from orthoui.bench.core import (
    CACHED_ROW,
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
from orthoui.data import Dataset, ImageSet, load_dataset
from orthoui.models.device import resolve_device
from orthoui.models.zoo import default_model, zoo

LEFT_OUT = "left out of a quick run: run “orthoui bench” without --quick"
NO_BROWSER_ASKED = "left out by --no-browser"
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
    rows = [*core_rows(sizes, progress), *(browser_rows(sizes, budget, progress) if browser else _no_browser())]
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
        yield evaluation(zoo().get(default_model(zoo())), _first(data, sizes.embedded_images), EMBEDDED, sizes.evaluations)
        if sizes.full_width_images:
            yield evaluation(model, _first(data, sizes.full_width_images), FULL_WIDTH, sizes.evaluations)
        else:
            yield evaluation_row(FULL_WIDTH).missing(LEFT_OUT)


def _plan_on_gpu(folder: Path, data: Dataset, sizes: Sizes) -> Row:
    if not torch.cuda.is_available():
        return plan_row("cuda").missing("there is no GPU here")
    model = random_model(folder, data, sizes.width, torch.device("cuda"))
    return plan_and_apply(model, data["train"], sizes.plans)


def _first(data: Dataset, count: int) -> ImageSet:
    return data["test"].subset(torch.arange(min(count, len(data["test"]))))


def browser_rows(sizes: Sizes, budget: Budget, progress: Progress) -> Iterator[Row]:
    """Measure the rows that need a browser; what goes wrong becomes the reason of the row it spoils."""
    if budget.left < BROWSER_SECONDS:
        yield from _no_browser("the time of a quick run was up")
        return
    try:
        with chromium() as opened:
            hurried = sizes.sessions > 0
            progress("the first page")
            yield from _guarded(live.PAGE_ROWS, lambda: live.first_pages(opened, sizes.starts, budget))
            progress("steps of the slider")
            steps = (*live.STEP_ROWS, *([live.HURRIED_ROW] if hurried else []))
            yield from _guarded(steps, lambda: live.slider_steps(opened, sizes.steps, budget, hurried=hurried))
            if not sizes.sessions:
                yield sessions.MEMORY_ROW.missing(LEFT_OUT)
                return
            progress(f"memory of {sizes.sessions} browser sessions; this takes minutes")
            with tempfile.TemporaryDirectory(prefix="orthoui-bench-") as home:
                yield from _guarded(
                    [sessions.MEMORY_ROW],
                    lambda: [sessions.memory_of_sessions(opened, sizes.sessions, sizes.width, Path(home))],
                )
    except NoBrowserError as error:
        yield from _no_browser(str(error))
