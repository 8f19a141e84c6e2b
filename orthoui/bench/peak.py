"""What a device can do at most, measured on large convolutions; and what a network asks of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

from orthoui.models.architectures import build
from orthoui.models.device import fast_dtype

PROBE_SECONDS = 0.5
"""Time that is given to each convolution."""


@dataclass(frozen=True)
class Convolution:
    """A 3×3 convolution with as many channels out as in, on so many square maps; no stride, padded."""

    images: int
    channels: int
    side: int

    @property
    def flops(self) -> int:
        """Multiplications and additions of one pass; the border counts like the rest."""
        return 2 * 9 * self.images * self.channels**2 * self.side**2

    @property
    def words(self) -> str:
        """What it is, for people."""
        return f"3×3, {self.channels} channels, {self.images} maps of {self.side}×{self.side}"


@dataclass(frozen=True)
class Peak:
    """The highest rate that was seen, in operations per second, and where."""

    rate: float
    convolution: Convolution


LARGE = (
    Convolution(128, 64, 32),
    Convolution(128, 128, 32),
    Convolution(128, 128, 16),
    Convolution(128, 256, 16),
    Convolution(64, 256, 32),
    Convolution(128, 512, 8),
)


def convolution_peak(
    device: torch.device, convolutions: Sequence[Convolution] = LARGE, seconds: float = PROBE_SECONDS
) -> Peak:
    """Return the best rate over ``convolutions``: forward, channels-last, in the device's fast precision."""
    rates = {convolution: convolution.flops / _fastest(convolution, device, seconds) for convolution in convolutions}
    best = max(rates, key=lambda convolution: rates[convolution])
    return Peak(rates[best], best)


@torch.inference_mode()
def _fastest(convolution: Convolution, device: torch.device, seconds: float) -> float:
    channels, side = convolution.channels, convolution.side

    def noise(*shape: int) -> Tensor:
        made = torch.randn(shape, device=device, dtype=fast_dtype(device))
        return made.contiguous(memory_format=torch.channels_last)

    maps, filters = noise(convolution.images, channels, side, side), noise(channels, channels, 3, 3)
    timer = Timer(
        "convolve(maps, filters, padding=1)",
        globals={"convolve": F.conv2d, "maps": maps, "filters": filters},
        num_threads=torch.get_num_threads(),
    )
    return float(min(timer.blocked_autorange(min_run_time=seconds).times))


def forward_flops(architecture: str, classes: int, width: int, side: int) -> int:
    """Return the multiplications and additions of one image's forward pass: convolutions and linear layers."""
    with torch.device("meta"):
        network, image = build(architecture, classes, width).eval(), torch.empty(1, 3, side, side)
    with FlopCounterMode(display=False) as counter:
        network(image)
    return int(counter.get_total_flops())
