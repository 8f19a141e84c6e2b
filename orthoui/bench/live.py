"""The dashboard's figures in a real browser: the first page after a start, and steps of the ratio slider."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orthoui.bench import page as on
from orthoui.bench.clock import Budget
from orthoui.bench.rows import Row, described, median, percentile
from orthoui.bench.server import Server, start_server
from orthoui.bench.sizes import Sizes
from orthoui.settings import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

VIEWPORT: ViewportSize = {"width": 1280, "height": 900}
PAGE_SECONDS = 180.0
STEP_SECONDS = 60.0
STEP_RESERVE = 2.0
"""Seconds that must be left beyond the slowest step so far before another one is begun."""

NUMBERS_ROW = Row(what="server start to exact numbers with every chart drawn", unit="s", goal=8)
COMPLETE_ROW = Row(what="server start to the complete page, membership inference included", unit="s", goal=8)
HEADLINE_ROW = Row(what="slider step to the new headline, median", unit="ms", goal=300)
HEADLINE_95_ROW = Row(what="slider step to the new headline, 95th percentile", unit="ms", goal=800)
EXACT_ROW = Row(what="slider step to the exact full-test numbers, median", unit="ms", goal=3000)
EXACT_95_ROW = Row(what="slider step to the exact full-test numbers, 95th percentile", unit="ms")
SENT_ROW = Row(what="of which the slider itself takes before it sends its value, median", unit="ms")
HURRIED_ROW = Row(
    what="slider step to the new headline while the last step is still being evaluated, median", unit="ms"
)
PAGE_ROWS = (NUMBERS_ROW, COMPLETE_ROW)
STEP_ROWS = (HEADLINE_ROW, HEADLINE_95_ROW, EXACT_ROW, EXACT_95_ROW, SENT_ROW)


@contextmanager
def fresh_server(home: Path | None = None) -> Iterator[Server]:
    """Start a dashboard with an empty home folder, or the given one, on the device that was asked for."""
    with (
        tempfile.TemporaryDirectory(prefix="orthoui-bench-") as folder,
        start_server(home or Path(folder), ORTHOUI_DEVICE=settings().device) as server,
    ):
        yield server


@contextmanager
def fresh_page(browser: Browser) -> Iterator[Page]:
    """Open an empty page that carries the stopwatch, in a context of its own."""
    context = browser.new_context(viewport=VIEWPORT)
    on.watch(context)
    try:
        yield context.new_page()
    finally:
        context.close()


def visits(browser: Browser, sizes: Sizes, budget: Budget) -> Iterator[Row]:
    """Start the server with an empty home folder, several times; time each first page, and steps on the last."""
    exact, complete = [], []
    for start in range(1, sizes.starts + 1):
        last = start == sizes.starts
        with fresh_page(browser) as page, fresh_server() as server:
            page.goto(server.url, timeout=1000 * budget.within(PAGE_SECONDS))
            on.wait_exact(page, budget.within(PAGE_SECONDS))
            exact.append(time.perf_counter() - server.started)
            if last:
                yield start_row(NUMBERS_ROW, exact)
            on.wait_complete(page, budget.within(PAGE_SECONDS))
            complete.append(time.perf_counter() - server.started)
            if last:
                yield start_row(COMPLETE_ROW, complete)
                yield from timed_steps(page, sizes.steps, sizes.hurried_steps, budget)


def start_row(row: Row, seconds: list[float]) -> Row:
    """Fill the row of one moment after every start of the server, in seconds."""
    how = f"{described(seconds, 's', 'starts')}; empty home folder, browser already open"
    return row.measured(median(seconds), how)


def timed_steps(page: Page, steps: int, hurried: int, budget: Budget) -> list[Row]:
    """Move the ratio slider up by keyboard from its lower end, always to a ratio not seen before.

    First ``steps`` steps from rest; then ``hurried`` ones, each as soon as the last one's headline was exact,
    while its membership inference still runs.
    """
    seen = {on.slider_value(page)}
    on.wait_settled(page, budget.within(PAGE_SECONDS))
    on.press(page, "Home", budget.within(STEP_SECONDS))
    rows = step_rows(list(_steps(page, steps, budget, seen, at_rest=True)))
    if hurried:
        hasty = list(_steps(page, hurried, budget, seen, at_rest=False))
        rows.append(_figure(HURRIED_ROW, [step.changed for step in hasty]))
    return rows


def step_rows(steps: list[on.Step]) -> list[Row]:
    """Turn timed steps into their rows."""
    changed, exact = [step.changed for step in steps], [step.exact for step in steps]
    return [
        _figure(HEADLINE_ROW, changed),
        _figure(HEADLINE_95_ROW, changed, 95),
        _figure(EXACT_ROW, exact),
        _figure(EXACT_95_ROW, exact, 95),
        _figure(SENT_ROW, [step.sent for step in steps]),
    ]


def _figure(row: Row, milliseconds: list[float], share: float = 50) -> Row:
    if not milliseconds:
        return row.missing("the time was up before the first step")
    return row.measured(percentile(milliseconds, share), described(milliseconds, "ms", "steps to new ratios"))


def _steps(page: Page, count: int, budget: Budget, seen: set[float], *, at_rest: bool) -> Iterator[on.Step]:
    from playwright.sync_api import TimeoutError as TooSlowError

    slowest, done = 0.0, 0
    while done < count and budget.left > slowest + STEP_RESERVE:
        started = time.perf_counter()
        try:
            if at_rest:
                on.wait_settled(page, budget.within(PAGE_SECONDS))
            step = on.press(page, "ArrowRight", budget.within(STEP_SECONDS))
        except TooSlowError:
            if budget.left > STEP_RESERVE:
                raise
            return  # the time was up, which is no fault: the steps so far count
        slowest = max(slowest, time.perf_counter() - started)
        ratio = on.slider_value(page)
        if ratio not in seen:  # one that was seen would be answered from memory
            seen.add(ratio)
            done += 1
            yield step
