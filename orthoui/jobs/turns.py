"""Turns on a device: every server has workers of its own, but the devices of a machine are there once."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from orthoui.settings import settings

PATIENCE_SECONDS = 1.0
POLL_SECONDS = 0.1


class DeviceTakenError(Exception):
    """A worker of another server uses the device."""


@contextmanager
def turn_on_device() -> Iterator[None]:
    """Hold this process's device against the workers of other servers with this home folder.

    The system lets go of it when the process ends. Raises ``DeviceTakenError`` after a second of waiting.
    """
    folder = settings().cache_folder / "devices"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{socket.gethostname()}-{_device()}.lock")
    try:
        lock.acquire(timeout=PATIENCE_SECONDS, poll_interval=POLL_SECONDS)
    except Timeout as error:
        raise DeviceTakenError from error
    try:
        yield
    finally:
        lock.release()


def _device() -> str:
    """Return a name of the device that all servers on this machine share."""
    device = settings().device
    if device.startswith("cuda"):
        import torch

        try:  # numbers change with CUDA_VISIBLE_DEVICES
            return str(torch.cuda.get_device_properties(device).uuid)
        except (AssertionError, AttributeError, RuntimeError):  # that it is not there is for the job to say
            pass
    return device.replace(":", "-")
