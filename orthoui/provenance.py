"""Which code it was that measured something."""

import subprocess
from functools import lru_cache

from orthoui import __version__
from orthoui.settings import app_folder


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return the version of the code, with the commit where it runs from a checkout, e.g. ``0.1.0+1a2b3c4``.

    Read once: a commit that comes later is not what this process has loaded. Changes without a commit do not show.
    """
    if not (app_folder() / ".git").exists():
        return __version__
    try:
        found = subprocess.run(
            ["git", "-c", "safe.directory=*", "rev-parse", "--short", "HEAD"],
            cwd=app_folder(), capture_output=True, text=True, check=True, timeout=5,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}+{found.stdout.strip()}"
