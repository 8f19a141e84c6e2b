"""Turns on a device: every server has workers of its own, but the devices of a machine are there once."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock

from orthoui.settings import settings

POLL_SECONDS = 0.1


@contextmanager
def turn_on_device() -> Iterator[None]:
    """Wait until no worker of another server with this home folder uses this process's device, then hold it.

    The system lets go of it when the process ends, however that ends.
    """
    folder = settings().cache_folder / "devices"
    folder.mkdir(parents=True, exist_ok=True)
    device = settings().device.replace(":", "-")
    with FileLock(folder / f"{socket.gethostname()}-{device}.lock").acquire(poll_interval=POLL_SECONDS):
        yield
