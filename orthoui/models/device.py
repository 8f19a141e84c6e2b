"""Which device computes, and which number format it is fast at."""

from functools import lru_cache

import torch

from orthoui.errors import DeviceError
from orthoui.settings import settings


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
    """Return bfloat16 where the device computes in it natively, hence several times faster; else float32.

    ``ORTHOUI_PRECISION=float32`` asks for the latter everywhere.
    Asked of the hardware and not timed, so that the same machine always gives the same numbers.
    """
    if settings().precision == "float32":
        return torch.float32
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        native = False
    return torch.bfloat16 if native else torch.float32


def synchronise(device: torch.device) -> None:
    """Wait for the device, so that a clock read afterwards is true."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
