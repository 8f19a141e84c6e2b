"""A way round a fault of the processor's library: wrong gradients of strided 1×1 convolutions with few channels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW = 16
"""Input channels below which oneDNN's kernels, which take 8 or 16 at once, may write past their workspace."""


class SkippingPointwise(nn.Conv2d):
    """A 1×1 convolution that skips what its stride leaves out before it multiplies, not while it does.

    The same numbers and the same weights. oneDNN (3.13, in torch 2.15) computes the weights' gradient of
    channels-last images wrongly where there are fewer channels than it takes at once, and overwrites other memory
    (github.com/uxlfoundation/oneDNN/issues/6035): seen on processors with AVX2 and without AVX-512.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to responses (N, K, ⌈H / stride⌉, ⌈W / stride⌉)."""
        down, across = self.stride
        return F.conv2d(images[:, :, ::down, ::across], self.weight, self.bias)


def mend_strided_pointwise(network: nn.Module) -> None:
    """Put a ``SkippingPointwise`` with the same weights wherever a convolution of a network would meet the fault."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Conv2d and meets_the_fault(child):  # a subclass may compute something else
                setattr(parent, name, _skipping(child))


def meets_the_fault(convolution: nn.Conv2d) -> bool:
    """Whether the weights' gradient of a convolution may be wrong."""
    pointwise = convolution.kernel_size == (1, 1) and convolution.padding == (0, 0) and convolution.groups == 1
    return pointwise and convolution.stride != (1, 1) and convolution.in_channels < FEW


def _skipping(convolution: nn.Conv2d) -> SkippingPointwise:
    channels, (down, across), biased = convolution.in_channels, convolution.stride, convolution.bias is not None
    with torch.device("meta"):  # takes no memory, and no random numbers from those who draw after it
        twin = SkippingPointwise(channels, convolution.out_channels, 1, (down, across), bias=biased)
    twin.weight, twin.bias = convolution.weight, convolution.bias
    return twin
