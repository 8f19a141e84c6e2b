"""Start the real dashboard in a process of its own, with a home folder of its own, and stop it again."""

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

from orthoui.errors import OrthoError

START_SECONDS = 60
STOP_SECONDS = 10
POLL_SECONDS = 0.05
LOG_CHARACTERS = 2000


class ServerError(OrthoError):
    """The dashboard did not start; the text holds the end of its log."""


@dataclass
class Server:
    """A running dashboard: where it answers, its home folder, its process, its log and when it was started."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    log_file: Path
    started: float
    """Seconds on the clock of ``time.perf_counter``."""

    def log(self) -> str:
        """Everything the server has written so far."""
        return self.log_file.read_text(errors="replace")


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


@contextmanager
def start_server(home: Path, *, port: int | None = None, **env: str) -> Iterator[Server]:
    """Run ``orthoui run`` with its own home folder until the block ends. Raises ``ServerError``.

    Give the same ``home`` and ``port`` twice for a restart. Settings of the person who runs this are not
    passed on; ``env`` adds environment variables.
    """
    port = port or free_port()
    home.mkdir(parents=True, exist_ok=True)
    log_file = home / f"server-{time.time_ns()}.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORTHOUI_", "STREAMLIT_"))}
    command = [str(Path(sys.executable).with_name("orthoui")), "run", "--port", str(port)]
    started = time.perf_counter()
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command, env=kept | {"ORTHOUI_HOME": str(home)} | env, stdout=log, stderr=subprocess.STDOUT
        )
    server = Server(f"http://localhost:{port}", home, process, log_file, started)
    try:
        _wait_until_healthy(server)
        yield server
    finally:
        _stop(process)


def _wait_until_healthy(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            code = server.process.returncode
            raise ServerError(f"The server ended with code {code}:\n{server.log()[-LOG_CHARACTERS:]}")
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2) as answer:  # noqa: S310  our own
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(POLL_SECONDS)
    raise ServerError(f"The server did not answer within {START_SECONDS} s:\n{server.log()[-LOG_CHARACTERS:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
