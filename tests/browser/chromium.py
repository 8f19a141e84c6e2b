"""Find a Chromium for the browser tests, and install one where none is.

``python -m tests.browser.chromium`` (the first step of ``make test``) finds or installs; the fixtures only find.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from orthoui.bench.browser import VARIABLE, NoBrowserError, find_chromium

Find = Callable[[], Path]
Run = Callable[[list[str]], bool]


def ensure_chromium(find: Find = find_chromium, run: Run | None = None) -> Path:
    """Return a browser; install Debian's, then Playwright's, when there is none. Raises ``NoBrowserError``."""
    try:
        return find()
    except NoBrowserError:
        if os.environ.get(VARIABLE):  # an explicit choice is not silently replaced
            raise
    _install_debian(run or _run)
    try:
        return find()
    except NoBrowserError:
        _install_playwright(run or _run)
    return find()


def _install_debian(run: Run) -> None:
    if _may_use_apt() and run(["apt-get", "update"]):
        run(["apt-get", "install", "--yes", "--no-install-recommends", "chromium"])


def _install_playwright(run: Run) -> None:
    libraries = ["--with-deps"] if _may_use_apt() else []  # the system libraries that its browser links to
    run([sys.executable, "-m", "playwright", "install", *libraries, "chromium"])


def _may_use_apt() -> bool:
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def _run(command: list[str]) -> bool:
    sys.stderr.write(f"No Chromium yet: {' '.join(command)}\n")
    sys.stderr.flush()
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, check=False).returncode == 0


def main() -> int:
    """Find or install a browser and say which; return the exit code."""
    try:
        executable = ensure_chromium()
    except NoBrowserError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"Browser tests use {executable}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
