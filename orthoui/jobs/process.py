"""Names of processes, by which it can be told whether one is gone."""

import os
import secrets
import socket

import psutil

CLOCK_SECONDS = 5
"""How far the start time of one process may differ between two readings."""

_servers: set[str] = set()
"""Engines of this process that are not closed."""


def open_server() -> str:
    """Return a name for an engine: that of this process, and one of its own."""
    name = f"{here()}:{secrets.token_hex(4)}"
    _servers.add(name)
    return name


def close_server(name: str) -> None:
    """From now on, the engine of that name counts as gone."""
    _servers.discard(name)


def here() -> str:
    """Return the name of this process: host, process number and start time, so that a number used again differs."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def gone(name: str | None) -> bool | None:
    """Whether a process or engine has ended; None when it belongs to another machine and cannot be seen."""
    if name is None:
        return True
    host, number, started, *own = name.split(":")
    if own and f"{host}:{number}:{started}" == here():
        return name not in _servers
    if host != socket.gethostname():
        return None
    try:
        process = psutil.Process(int(number))
        same = abs(process.create_time() - float(started)) <= CLOCK_SECONDS
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
