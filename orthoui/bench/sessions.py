"""What ten people at once cost: the server's memory with one and with ten browser sessions."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from orthoui.bench import page as on
from orthoui.bench.live import fresh_page, fresh_server
from orthoui.bench.rows import Row, amount
from orthoui.bench.subjects import DATASET, RANDOM_NAME, save_random_model
from orthoui.data import load_dataset

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HEADLINE_SECONDS = 600.0
REST_SECONDS = 900.0
"""Longest wait for a server that is still computing."""
IDLE_SECONDS = 3.0
IDLE_SHARE = 0.05
"""A server that used less than this share of one core for that long has nothing left to do."""
SESSIONS_GOAL_MB = 10.0

MEMORY_ROW = Row(
    what="server memory per browser session beyond the first, one model of the paper's width",
    unit="MB",
    goal=SESSIONS_GOAL_MB,
)


def memory_of_sessions(browser: Browser, sessions: int, width: int, home: Path) -> Row:
    """Open ``sessions`` contexts that forget different classes of one model; return the growth for each.

    Every session stays open. Memory is read when the server has come to rest: after the first session, and
    again after the last.
    """
    data = load_dataset(DATASET)
    file = save_random_model(home / "models", data, width)
    weights = file.stat().st_size / 1e6
    with ExitStack() as stack:
        server = stack.enter_context(fresh_server(home))
        readings, rested = [], []
        for number in range(sessions):
            page = stack.enter_context(fresh_page(browser))
            page.goto(f"{server.url}/?model={RANDOM_NAME}&classes={number % len(data.classes)}")
            page.wait_for_selector(on.HEADLINE, timeout=1000 * HEADLINE_SECONDS)
            if number in (0, sessions - 1):
                rested.append(rest(server.process.pid))
                readings.append(memory_mb(server.process.pid))
    return session_row(readings[0], readings[-1], sessions, weights, rested=all(rested))


def session_row(first: float, last: float, sessions: int, weights: float, *, rested: bool) -> Row:
    """Turn the server's memory with one and with all sessions (MB) into the row; ``weights`` is the file's size."""
    how = (
        f"one reading: {amount(first, 'MB')} with 1 session, {amount(last, 'MB')} with {sessions}, each forgetting "
        f"another class; weights {amount(weights, 'MB')}; resident memory of the server and its children"
    )
    if not rested:
        how += f"; read while it was still computing after {REST_SECONDS:.0f} s"
    return MEMORY_ROW.measured((last - first) / (sessions - 1), how)


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and its children, in MB (a million bytes)."""
    return sum(int(process.memory_info().rss) for process in _family(pid)) / 1e6


def rest(pid: int, seconds: float = REST_SECONDS) -> bool:
    """Wait until a process and its children are idle; return False when they still are not after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = _processor_seconds(pid)
        time.sleep(IDLE_SECONDS)
        if _processor_seconds(pid) - before < IDLE_SHARE * IDLE_SECONDS:
            return True
    return False


def _processor_seconds(pid: int) -> float:
    times = [process.cpu_times() for process in _family(pid)]
    return sum(float(spent.user) + float(spent.system) for spent in times)


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
