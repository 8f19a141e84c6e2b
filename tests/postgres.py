"""Start a PostgreSQL server for the tests, and install Debian's package where none is.

``python -m tests.postgres`` (a step of ``make test``) finds or installs; the fixtures only find.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEBIAN = Path("/usr/lib/postgresql")
ADVICE = (
    "No PostgreSQL server was found: neither initdb on the PATH nor below /usr/lib/postgresql. Install one, on "
    "Debian with `apt-get install postgresql`, or leave these tests out with `make test-fast`."
)
SERVER_USER = "postgres"  # PostgreSQL refuses to run as root; Debian's package makes this user


class NoServerError(Exception):
    """There is no PostgreSQL here."""


def find_programs() -> Path:
    """Return the folder of ``initdb`` and ``pg_ctl``, the newest one. Raises ``NoServerError``."""
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = shutil.which("initdb") or (str(versions[-1]) if versions else None)
    if found is None:
        raise NoServerError(ADVICE)
    return Path(found).parent


def ensure_programs() -> Path:
    """Return the folder of the server's programs; install Debian's package when there is none."""
    try:
        return find_programs()
    except NoServerError:
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            raise
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "postgresql"]):
        sys.stderr.write(f"No PostgreSQL yet: apt-get {' '.join(command)}\n")
        subprocess.run(["apt-get", *command], env=environment, check=False)
    return find_programs()


@contextmanager
def start_postgres() -> Iterator[str]:
    """Run a server that listens on a socket in a folder of its own; yield that folder."""
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="orthoui-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, SERVER_USER)
        data, log = folder / "data", folder / "log"
        _run(programs / "initdb", "-D", data, "-U", SERVER_USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections=200"
        _run(programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            yield str(folder)
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", SERVER_USER, "--", *words]
    # the server inherits its output: a pipe would keep this call waiting until the server ends
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(words, stdout=output, stderr=subprocess.STDOUT, cwd="/", check=False)
        if done.returncode:
            output.seek(0)
            raise NoServerError(f"{' '.join(words)} failed:\n{output.read().decode(errors='replace')}")


def main() -> int:
    """Find or install a server and say which; return the exit code."""
    try:
        programs = ensure_programs()
    except NoServerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"PostgreSQL tests use {programs}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
