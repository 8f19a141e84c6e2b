"""Workers on this machine: one process with Dask's scheduler and a nanny for every worker, one worker per device.

They are not started inside the web process: nannies start workers by importing the main module again, which under
Streamlit is the app, and a busy page would hold up the scheduler.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence

from orthoui.errors import SchedulerError
from orthoui.settings import settings

START_SECONDS = 90
STOP_SECONDS = 5

CONFIG = {
    # The ledger counts killed workers. Dask also blames runs that only waited for a worker, so it must not count.
    "distributed.scheduler.allowed-failures": 1_000_000,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.worker.profile.enabled": False,
    # without Dask's OMP_NUM_THREADS=1 and the like: one job at a time may use the whole machine
    "distributed.nanny.pre-spawn-environ": {"MALLOC_TRIM_THRESHOLD_": 65536},
}

ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}
"""Jobs run in a thread, and only the first arena can keep what a training step frees, see ``orthoui.memory``.

Set even where the environment says otherwise, because ``orthoui run`` sets another number for the pages."""

QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error"}
"""Dask sets up its log when it is loaded, before any other configuration."""

LEAKS = "ignore::UserWarning:multiprocessing.resource_tracker"
"""The workers' semaphores are said to leak when all of them end at once; the same sentence says they were freed."""


class LocalWorkers:
    """A scheduler and its workers. They end with the process that started them, however that ends."""

    def __init__(self, devices: Sequence[str]) -> None:
        """Start them and wait until they answer. Raises ``SchedulerError``."""
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            **QUIET,
            **ONE_ARENA,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", LEAKS, "-m", "orthoui.jobs.cluster", *devices],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C stops the server, which stops these
        )
        overdue = threading.Timer(START_SECONDS, self._process.kill)
        overdue.start()
        try:
            answer = self._process.stdout.readline() if self._process.stdout else b""
        finally:
            overdue.cancel()
        if not answer:
            self.close()
            raise SchedulerError(
                f"The workers on this machine did not start within {START_SECONDS} s; the server's log tells why."
            )
        self.address: str = json.loads(answer)["address"]

    def alive(self) -> bool:
        """Whether the scheduler still runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """Stop everything, also a job that runs; its run stays as it is in the ledger."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def devices() -> tuple[str, ...]:
    """Return the devices that jobs may use: every GPU, unless ``ORTHOUI_DEVICE`` names one device."""
    if settings().device != "auto":  # whether it exists is for the worker to say, about a job
        return (settings().device,)
    import torch

    from orthoui.models.device import resolve_device

    if torch.cuda.is_available():
        return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    return (str(resolve_device()),)


def main(names: Sequence[str]) -> None:
    """Serve until standard input is closed, which the end of the parent process does too."""
    import dask
    import distributed  # noqa: F401  its defaults come first: what is set before them is merged with them

    lifeline, answer = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what a work prints must not fill the pipe to the parent
    with dask.config.set(CONFIG):
        asyncio.run(_serve(names, lifeline, answer))


async def _serve(names: Sequence[str], lifeline: int, answer: int) -> None:
    from distributed import Nanny, Scheduler

    local = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "dashboard": False}
    async with Scheduler(port=0, **local) as scheduler:
        nannies = [
            Nanny(
                scheduler.address,
                nthreads=1,
                memory_limit=None,  # the default is a share of the memory by threads, and kills what exceeds it
                local_directory=str(settings().cache_folder / "workers"),  # Dask clears it of what killed ones left
                env={"ORTHOUI_DEVICE": name},
                **local,
            )
            for name in names
        ]
        await asyncio.gather(*nannies)
        os.write(answer, json.dumps({"address": scheduler.address}).encode() + b"\n")
        os.close(answer)
        await asyncio.get_running_loop().run_in_executor(None, os.read, lifeline, 1)
        os._exit(0)  # workers end when they notice; a job that runs would hold up any orderly way out


if __name__ == "__main__":
    main(sys.argv[1:])
