"""``orthoui run``: start the dashboard."""

import errno
import os
import socket
import sys
from typing import Annotated

import typer

from orthoui.cli.common import reports_errors
from orthoui.errors import RequestError
from orthoui.settings import app_folder, settings

LAST_PORT = 65535
PORTS_TRIED = 100


@reports_errors
def run(
    port: Annotated[int, typer.Option(help=f"Port to serve on, 1 to {LAST_PORT}.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to serve on; localhost keeps the dashboard on this machine.")
    ] = "localhost",
) -> None:
    """Start the dashboard and print the address to open in a browser."""
    check_port(address, port)
    folder = app_folder()
    # The server runs in the app's folder, where its configuration is: resolve relative folders before.
    places = settings()
    environment = {"ORTHOUI_HOME": str(places.home), "ORTHOUI_DATA": str(places.data_folder)}
    if places.methods is not None:
        environment["ORTHOUI_METHODS"] = str(places.methods)
    # every session has a thread; without a bound each would keep scratch memory of its own
    environment["MALLOC_ARENA_MAX"] = os.environ.get("MALLOC_ARENA_MAX", "2")
    server = [sys.executable, "-m", "orthoui.ui.server", str(folder / "app.py")]
    server += ["--server.port", str(port), "--server.address", address]
    typer.echo(f"OrthoUI starts. Open {link(address, port)} in a browser; Ctrl+C stops it.")
    sys.stdout.flush()
    os.chdir(folder)
    os.execve(sys.executable, server, os.environ | environment)  # noqa: S606  becomes the server, signals included


def link(address: str, port: int) -> str:
    """Return the address to type into a browser on this machine."""
    host = "localhost" if address in ("0.0.0.0", "::", "") else address  # noqa: S104  compared, not bound to
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_port(address: str, port: int) -> None:
    """Raise ``RequestError`` unless a server can be started on that port of that address."""
    if not 1 <= port <= LAST_PORT:
        raise RequestError(f"There is no port {port}. Choose one from 1 to {LAST_PORT}, for example 8501.")
    problem = _problem(address, port)
    if problem is None:
        return
    if problem == errno.EADDRINUSE:
        raise RequestError(f"Port {port} is already taken, perhaps by another OrthoUI. {_advice(address, port)}")
    if problem in (errno.EACCES, errno.EPERM):
        raise RequestError(f"Port {port} is kept for the system. {_advice(address, max(port, 8500))}")
    raise RequestError(
        f"“{address}” is not an address of this machine. Use localhost, or 0.0.0.0 for every address it has."
    )


def _advice(address: str, taken: int) -> str:
    for port in range(taken + 1, min(taken + PORTS_TRIED, LAST_PORT) + 1):
        if _problem(address, port) is None:
            return f"Port {port} is free: try “orthoui run --port {port}”."
    return "Choose another with --port."


def _problem(address: str, port: int) -> int | None:
    """Return the error number that binding to the port gives, or ``None`` when it is free."""
    try:
        places = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        return errno.EADDRNOTAVAIL
    found = [_bind(family, place) for family, _, _, _, place in places]
    # A machine without IPv6 may still resolve localhost to ::1: one family that works is enough.
    for problem in found:
        if problem in (errno.EADDRINUSE, errno.EACCES, errno.EPERM):
            return problem
    return None if None in found else errno.EADDRNOTAVAIL


def _bind(family: socket.AddressFamily, place: tuple[object, ...]) -> int | None:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # a port whose last connections are only lingering is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        return error.errno
    return None
