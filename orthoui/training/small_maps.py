"""Convolutions over small maps: their weights' gradients as matrix products, where that is several times faster."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

SMALL = 16
"""Positions of a response map up to which products are faster. A ResNet-18 of images of 32 pixels ends with 4 × 4."""


def quicken_small_maps(network: nn.Module) -> None:
    """Let a network that trains on a processor in bfloat16 compute its weights' gradients the faster way.

    In place; names, weights and responses stay. Not for double backward. oneDNN's kernel for the weights' gradient
    is slow where maps are small (docs/training.md).
    """
    for module in network.modules():
        if type(module) is nn.Conv2d and _plain(module):  # a subclass may compute something else
            module.__class__ = SmallMapConv2d


def _plain(convolution: nn.Conv2d) -> bool:
    symmetric = len({*convolution.kernel_size}) == len({*convolution.stride}) == 1
    padded = isinstance(convolution.padding, tuple) and len({*convolution.padding}) == 1
    usual = convolution.groups == 1 and convolution.dilation == (1, 1) and convolution.padding_mode == "zeros"
    return symmetric and padded and usual and convolution.bias is None


class SmallMapConv2d(nn.Conv2d):
    """A convolution without bias that is computed as always, but for its weights' gradient where maps are small."""

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to responses (N, K, h, w)."""
        size, stride, padding = self.kernel_size[0], self.stride[0], int(self.padding[0])
        side = [(pixels + 2 * padding - size) // stride + 1 for pixels in images.shape[-2:]]
        if side[0] * side[1] > SMALL:
            return super().forward(images)
        responses: Tensor = _SmallMap.apply(images, self.weight, stride, padding)
        return responses


class _SmallMap(torch.autograd.Function):
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)  # type: ignore[untyped-decorator]
    def forward(context: Any, images: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        context.save_for_backward(images, weight)
        context.stride, context.padding = stride, padding
        return F.conv2d(images, weight, stride=stride, padding=padding)

    @staticmethod
    @once_differentiable
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(  # type: ignore[override]
        context: Any, gradient: Tensor
    ) -> tuple[Tensor | None, Tensor | None, None, None]:
        images, weight = context.saved_tensors
        stride, padding = context.stride, context.padding
        of_images = of_weight = None
        if context.needs_input_grad[0]:
            of_images, _, _ = torch.ops.aten.convolution_backward(
                gradient, images, weight, None, (stride,) * 2, (padding,) * 2, (1, 1), False, (0, 0), 1,
                (True, False, False),
            )  # fmt: skip
        if context.needs_input_grad[1]:
            of_weight = weight_gradient(images, gradient, weight.shape[-1], stride, padding)
        return of_images, of_weight, None, None


def weight_gradient(images: Tensor, gradient: Tensor, size: int, stride: int, padding: int) -> Tensor:
    """Return the gradient (K, C, size, size) of a convolution's weight, one matrix product for each of its taps.

    ``images`` (N, C, H, W), ``gradient`` (N, K, h, w) of the responses; both best channels-last.
    """
    channels, (filters, height, width) = images.shape[1], gradient.shape[1:]
    lines = F.pad(images.permute(0, 2, 3, 1), (0, 0, *(padding,) * 4))  # (N, H', W', C)
    turned = gradient.permute(0, 2, 3, 1).reshape(-1, filters).T  # (K, N·h·w)
    down, across = stride * (height - 1) + 1, stride * (width - 1) + 1
    taps = [
        turned @ lines[:, row : row + down : stride, column : column + across : stride].reshape(-1, channels)
        for row in range(size)
        for column in range(size)
    ]
    return torch.stack(taps, 1).view(filters, size, size, channels).permute(0, 3, 1, 2)
