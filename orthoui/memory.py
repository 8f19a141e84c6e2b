"""Memory that was freed: kept in the process while it trains, given back to the system when it is done.

What concerns main memory does nothing where the C library is not glibc.
"""

import ctypes
import sys
from contextlib import suppress

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Names of settings in glibc's malloc.h: free memory above which it gives back; large blocks that are kept apart."""
NEVER = -1


def keep_memory() -> None:
    """Let this process keep the memory that a training step frees, from now on.

    Otherwise the C library returns every large tensor to the system and asks for it again at the next step, and the
    system fills it with zeros first: a sixth of the time at the paper's width. Only the first arena can grow as far,
    so threads that train need MALLOC_ARENA_MAX=1.
    """
    _tell_glibc("mallopt", MMAP_MAX, 0)
    _tell_glibc("mallopt", TRIM_THRESHOLD, NEVER)


def release_memory() -> None:
    """Give memory that nothing uses any more back to the system, once.

    The C library keeps what a large forward pass needed, some hundred megabytes, in case another one comes.
    """
    _tell_glibc("malloc_trim", 0)


def release_device_memory() -> None:
    """Give what torch keeps of a GPU's memory back: other processes take their turn on it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _tell_glibc(function: str, *numbers: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            getattr(ctypes.CDLL("libc.so.6"), function)(*numbers)
