"""A server in a process of its own, to be killed: ``python -m tests.jobs.serving start|recover|here``."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orthoui.jobs.engine import close_engine, engine
from orthoui.jobs.execute import run_here
from orthoui.ledger import ledger
from tests.jobs import works  # noqa: F401  registers the works

LONG = {"steps": 400, "seconds": 0.05}


def main(what: str) -> None:
    """Queue jobs, take over those of a server before, or do one here; say so in lines."""
    if what == "start":
        say(engine().submit("test-resumable", LONG, "Running"))
        say(engine().submit("test-steps", {"steps": 3}, "Queued"))
    elif what == "here":
        run_here("test-steps", LONG, "Command", show=lambda _: say(ledger().find(limit=1)[0].id))
    else:
        say(",".join(sorted(run.title for run in engine().recover())))
    sys.stdin.read()
    close_engine()


def say(words: str) -> None:
    """Write one line for the test."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


@contextmanager
def server(what: str, home: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """Start a server with a home folder; kill it at the end, if it is still there."""
    command = [sys.executable, "-m", "tests.jobs.serving", what]
    environment = os.environ | {"ORTHOUI_HOME": str(home), "ORTHOUI_DEVICE": "cpu"} | env
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    """Return what a server says next."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


if __name__ == "__main__":
    main(sys.argv[1])
