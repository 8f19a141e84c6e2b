"""Start the real server, and wait for its page: what the browser tests share beyond their fixtures."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

START_SECONDS = 60
STOP_SECONDS = 10
QUIET_MS = 250

# Streamlit's frontend names the state of the script and of the connection on the app's element; its running
# icon stays for a moment longer. A page is settled when all of them have been calm for a while.
_SETTLED = """quiet => {
    const app = document.querySelector('[data-testid="stApp"]');
    const calm = app !== null
        && app.getAttribute('data-test-script-state') === 'notRunning'
        && app.getAttribute('data-test-connection-state') === 'CONNECTED'
        && document.querySelector('[data-testid="stStatusWidget"]') === null
        && document.querySelector('[data-testid="stSkeleton"]') === null;
    const now = performance.now();
    if (!calm || window.orthouiCalmSince === undefined) window.orthouiCalmSince = now;
    return calm && now - window.orthouiCalmSince >= quiet;
}"""


@dataclass
class Server:
    """A running dashboard: where it answers, its home folder, its process and its log file."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    log_file: Path

    def log(self) -> str:
        """Everything the server has written so far."""
        return self.log_file.read_text(errors="replace")


RUNNING: list[Server] = []  # the servers whose logs a failed test shows


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


@contextmanager
def start_server(home: Path, *, port: int | None = None, **env: str) -> Iterator[Server]:
    """Run ``orthoui run`` with its own home folder until the block ends.

    Give the same ``home`` and ``port`` twice for a restart. Settings of the person who runs the tests are not
    passed on; ``env`` adds environment variables.
    """
    port = port or free_port()
    home.mkdir(parents=True, exist_ok=True)
    log_file = home / f"server-{time.time_ns()}.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORTHOUI_", "STREAMLIT_"))}
    command = [str(Path(sys.executable).with_name("orthoui")), "run", "--port", str(port)]
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command, env=kept | {"ORTHOUI_HOME": str(home)} | env, stdout=log, stderr=subprocess.STDOUT
        )
    server = Server(f"http://localhost:{port}", home, process, log_file)
    RUNNING.append(server)
    try:
        _wait_until_healthy(server)
        yield server
    finally:
        _stop(process)
        RUNNING.remove(server)


def _wait_until_healthy(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"The server ended with code {server.process.returncode}:\n{server.log()}")
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2) as answer:  # noqa: S310  our own
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"The server did not answer within {START_SECONDS} s:\n{server.log()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_settled(page: Page, timeout_ms: float = 120_000, quiet_ms: float = QUIET_MS) -> None:
    """Wait until the page is connected, has finished running and stayed so for ``quiet_ms`` milliseconds."""
    page.evaluate("window.orthouiCalmSince = undefined")
    page.wait_for_function(_SETTLED, arg=quiet_ms, polling=50, timeout=timeout_ms)
