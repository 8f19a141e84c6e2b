"""Start the real server, and wait for its page: what the browser tests share beyond their fixtures."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from orthoui.bench import server as dashboard
from orthoui.bench.page import QUIET_MS, SETTLED
from orthoui.bench.server import Server, free_port

__all__ = ["RUNNING", "Server", "free_port", "start_server", "wait_settled"]

RUNNING: list[Server] = []  # the servers whose logs a failed test shows


@contextmanager
def start_server(home: Path, *, port: int | None = None, **env: str) -> Iterator[Server]:
    """Run the dashboard with its own home folder until the block ends, and show its log with a failed test.

    Give the same ``home`` and ``port`` twice for a restart; ``env`` adds environment variables.
    """
    with dashboard.start_server(home, port=port, **env) as server:
        RUNNING.append(server)
        try:
            yield server
        finally:
            RUNNING.remove(server)


def wait_settled(page: Page, timeout_ms: float = 120_000, quiet_ms: float = QUIET_MS) -> None:
    """Wait until the page is connected, has finished running and stayed so for ``quiet_ms`` milliseconds."""
    page.evaluate("window.orthouiCalmSince = undefined")
    page.wait_for_function(SETTLED, arg=quiet_ms, polling=50, timeout=timeout_ms)
