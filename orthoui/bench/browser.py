"""Find a Chromium on this machine and drive it; Playwright is imported only where it is used."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

VARIABLE = "ORTHOUI_TEST_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ANSWER_SECONDS = 60
CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class NoBrowserError(Exception):
    """No Chromium could be found, or the one asked for does not start, or Playwright is missing."""


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

    Raises ``NoBrowserError``. Not for: calling while Playwright is already driving a browser.
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
        f"A Chromium is needed, and there is none: none of {', '.join(NAMES)} on PATH starts, and Playwright has "
        f"none. Run “make test”, which installs one where it can; or install Chromium and put it on PATH; or set "
        f"{VARIABLE} to its file."
    )


def _playwrights_own() -> Path:
    check_playwright()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


def check_playwright() -> None:
    """Raise ``NoBrowserError`` when Playwright, which drives the browser, is not installed."""
    try:
        import playwright.sync_api  # noqa: F401  only whether it is there
    except ImportError as error:
        raise NoBrowserError("Playwright is not installed: install the test extra, orthoui[test].") from error


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Start a headless Chromium for the length of a block. Raises ``NoBrowserError``."""
    check_playwright()
    executable = find_chromium()
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_OPTIONS))
        except Error as error:
            raise NoBrowserError(f"{executable} does not start: {error.message.splitlines()[0]}") from error
        try:
            yield started
        finally:
            started.close()
