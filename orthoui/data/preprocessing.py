"""From stored bytes to what a network sees: pad, scale, normalise, three channels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def prepare(
    images: Tensor,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    padding: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Turn uint8 images (N, 1 or 3, H, W) into normalised input (N, 3, H+2p, W+2p), channels-last.

    ``mean`` and ``std`` hold one value per stored channel, in units of full brightness (0 … 1). The
    arithmetic is float32 and only its result is cast, so every ``dtype`` sees the same image.
    """
    pixels = F.pad(images.to(device), (padding,) * 4).to(torch.float32)
    scale = 1 / (255 * torch.tensor(std, dtype=torch.float32, device=device).view(1, -1, 1, 1))
    shift = torch.tensor(mean, dtype=torch.float32, device=device).view(1, -1, 1, 1) * 255 * scale
    normalised = pixels.mul_(scale).sub_(shift).to(dtype)
    return normalised.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
