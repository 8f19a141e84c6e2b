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


def without_the_fault(convolution: nn.Conv2d) -> nn.Conv2d:
    """Return the convolution, in the form that skips first where the library would fail; it keeps its weights."""
    few, size, stride = convolution.in_channels, convolution.kernel_size, convolution.stride
    if size != (1, 1) or stride == (1, 1) or few >= FEW:
        return convolution
    biased, (down, across) = convolution.bias is not None, stride
    with torch.device("meta"):  # takes no memory, and no random numbers from those who draw after it
        twin = SkippingPointwise(few, convolution.out_channels, 1, (down, across), bias=biased)
    twin.weight, twin.bias = convolution.weight, convolution.bias
    return twin
