"""What a device can do at most, measured on large convolutions; and what a network asks of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from orthoui.bench.clock import seconds_of
from orthoui.models.architectures import build
from orthoui.models.device import fast_dtype

READING_SECONDS = 0.2
READINGS = 3


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
    device: torch.device, convolutions: Sequence[Convolution] = LARGE, seconds: float = READING_SECONDS
) -> Peak:
    """Return the best rate over ``convolutions``: forward, channels-last, in the device's fast precision."""
    rates = {convolution: convolution.flops / _fastest(convolution, device, seconds) for convolution in convolutions}
    best = max(rates, key=lambda convolution: rates[convolution])
    return Peak(rates[best], best)


@torch.inference_mode()
def _fastest(convolution: Convolution, device: torch.device, seconds: float) -> float:
    """Return the seconds of one pass in the best of some readings, each of as many passes as fill ``seconds``."""
    channels, side = convolution.channels, convolution.side

    def noise(*shape: int) -> Tensor:
        made = torch.randn(shape, device=device, dtype=fast_dtype(device))
        return made.contiguous(memory_format=torch.channels_last)

    maps, filters = noise(convolution.images, channels, side, side), noise(channels, channels, 3, 3)

    def passes(count: int) -> float:
        def several() -> None:
            for _ in range(count):
                F.conv2d(maps, filters, padding=1)

        return seconds_of(several, device) / count

    passes(1)  # prepares the convolution
    count = math.ceil(seconds / passes(1))
    return min(passes(count) for _ in range(READINGS))


def forward_flops(architecture: str, classes: int, width: int, side: int) -> int:
    """Return the multiplications and additions of one image's forward pass: convolutions and linear layers."""
    with torch.device("meta"):
        network, image = build(architecture, classes, width).eval(), torch.empty(1, 3, side, side)
    with FlopCounterMode(display=False) as counter:
        network(image)
    return int(counter.get_total_flops())
