"""Names of processes, by which it can be told whether one is gone."""

import os
import socket

import psutil

CLOCK_SECONDS = 5
"""How far the start time of one process may differ between two readings."""


def here() -> str:
    """Return the name of this process: host, process number and start time, so that a number used again differs."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def gone(name: str | None) -> bool | None:
    """Whether the process of that name has ended; None when it belongs to another machine and cannot be seen."""
    if name is None:
        return True
    host, number, started = name.split(":")[:3]
    if host != socket.gethostname():
        return None
    try:
        process = psutil.Process(int(number))
        same = abs(process.create_time() - float(started)) <= CLOCK_SECONDS
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
