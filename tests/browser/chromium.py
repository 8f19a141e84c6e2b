"""Find a Chromium for the browser tests, and install one where none is.

``python -m tests.browser.chromium`` (the first step of ``make test``) finds or installs; the fixtures only find.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from playwright.sync_api import sync_playwright

VARIABLE = "ORTHOUI_TEST_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ANSWER_SECONDS = 60

Find = Callable[[], Path]
Run = Callable[[list[str]], bool]


class NoBrowserError(Exception):
    """No Chromium could be found, or the one asked for does not start."""


def works(executable: Path | str) -> bool:
    """Tell whether the file is a browser that starts: some systems have a placeholder of that name."""
    try:
        answer = subprocess.run(
            [str(executable), "--version"], capture_output=True, timeout=ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and any(name in answer.stdout for name in (b"Chrom", b"Edg"))


def find_chromium(environment: Mapping[str, str] | None = None) -> Path:
    """Return the browser of ``ORTHOUI_TEST_BROWSER``, else one on PATH, else Playwright's own.

    Raises ``NoBrowserError``.
    """
    environment = os.environ if environment is None else environment
    chosen = environment.get(VARIABLE)
    if chosen:
        if works(chosen):
            return Path(chosen)
        raise NoBrowserError(f"{VARIABLE} is {chosen}, which is not a Chromium that starts. Correct or unset it.")
    for name in NAMES:
        found = shutil.which(name, path=environment.get("PATH"))
        if found and works(found):
            return Path(found)
    own = _playwrights_own()
    if own.is_file() and works(own):
        return own
    raise NoBrowserError(
        f"The browser tests need a Chromium, and there is none: none of {', '.join(NAMES)} on PATH starts, and "
        f"Playwright has none. Run “make test”, which installs one where it can; or install Chromium and put it "
        f"on PATH; or set {VARIABLE} to its file."
    )


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


def _playwrights_own() -> Path:
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


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
