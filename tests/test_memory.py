"""Memory that a process keeps while it trains, and gives back: seen in the pages that the system had to fill."""

import ctypes
import os
import subprocess
import sys

import pytest

from orthoui.jobs.cluster import LocalWorkers
from orthoui.memory import release_device_memory

FREED_AND_TAKEN_AGAIN = """
import resource, sys, numpy
from orthoui.memory import keep_memory, release_memory
if sys.argv[1] == "keep":
    keep_memory()
def use():
    numpy.ones(100_000_000, dtype=numpy.uint8)  # taken, written to, freed
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
if len(sys.argv) > 2:
    release_memory()
before = faults()
use()
print(faults() - before)
"""


SETTINGS = ("LD_PRELOAD", "GLIBC_TUNABLES", "MALLOC_")


def glibc() -> bool:
    try:
        return hasattr(ctypes.CDLL("libc.so.6"), "mallopt")
    except OSError:
        return False


def pages_filled(*words: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FREED_AND_TAKEN_AGAIN, *words],
        env={name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(not glibc(), reason="there is no glibc here")
def test_freed_memory_is_kept_until_it_is_released() -> None:
    without, kept, released = pages_filled("no"), pages_filled("keep"), pages_filled("keep", "release")
    assert kept < without / 20
    assert released > 20 * max(kept, 1)


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from orthoui import memory

    def absent(name: str) -> object:
        raise OSError(name)

    monkeypatch.setattr(memory.ctypes, "CDLL", absent)
    memory.keep_memory()
    memory.release_memory()


def test_a_workers_threads_share_the_arena_that_keeps_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import Client

    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")  # as “orthoui run” sets it for the pages
    workers = LocalWorkers(("cpu",))
    try:
        with Client(workers.address) as client:
            assert client.submit(os.getenv, "MALLOC_ARENA_MAX").result(60) == "1"
    finally:
        workers.close()


@pytest.mark.parametrize("used", [True, False])
def test_a_gpu_that_was_used_is_given_back(used: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    emptied: list[bool] = []
    monkeypatch.setattr("torch.cuda.is_initialized", lambda: used)
    monkeypatch.setattr("torch.cuda.empty_cache", lambda: emptied.append(True))
    release_device_memory()
    assert emptied == [True] * used
