"""Which device computes, and which number format it is fast at."""

import time
from functools import lru_cache

import torch
import torch.nn.functional as F

from orthoui.errors import DeviceError
from orthoui.settings import settings

WORTHWHILE = 1.3
"""bfloat16 is used where it is at least this many times faster than float32."""


@lru_cache(maxsize=8)
def resolve_device(asked: str | None = None) -> torch.device:
    """Return the device to compute on. Raises ``DeviceError`` when an explicit one does not exist."""
    name = asked or settings().device
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(name)
    present = {
        "cpu": True,
        "mps": torch.backends.mps.is_available(),
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
    }
    if not present[device.type]:
        raise DeviceError(
            f"This machine has no device “{name}”. Set ORTHOUI_DEVICE to auto or cpu, or leave it unset."
        )
    return device


@lru_cache(maxsize=8)
def fast_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 where a 3×3 convolution is clearly faster in it, measured once; else float32."""
    seconds = {dtype: _convolution_seconds(device, dtype) for dtype in (torch.float32, torch.bfloat16)}
    faster = seconds[torch.float32] > WORTHWHILE * seconds[torch.bfloat16]
    return torch.bfloat16 if faster else torch.float32


@torch.inference_mode()
def _convolution_seconds(device: torch.device, dtype: torch.dtype, repeats: int = 5) -> float:
    weight = torch.randn(64, 64, 3, 3, device=device, dtype=dtype)
    images = torch.randn(32, 64, 16, 16, device=device, dtype=dtype)
    weight, images = (t.contiguous(memory_format=torch.channels_last) for t in (weight, images))
    best = float("inf")
    for _ in range(repeats):
        synchronise(device)
        started = time.perf_counter()
        F.conv2d(images, weight, padding=1)
        synchronise(device)
        best = min(best, time.perf_counter() - started)
    return best


def synchronise(device: torch.device) -> None:
    """Wait for the device, so that a clock read afterwards is true."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
