"""Devices, precision and several processes: Lightning Fabric, and batch norms that see the whole batch."""

import os
from typing import Any, Literal

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor, nn

from orthoui.errors import RequestError
from orthoui.models.device import fast_dtype
from orthoui.wording import joined

PRECISIONS = {"bf16-mixed": "bfloat16", "32-true": "float32", "64-true": "float64"}
"""Lightning's names for number formats, and ours."""


def make_fabric(device: torch.device, precision: Literal["64-true"] | None = None) -> Fabric:
    """Return a launched Fabric for this process: one device, or its share of those that ``torchrun`` started.

    Several processes train the network that one would, with the same global batch: equal to rounding in double
    precision. In lower precision training magnifies what rounding begins with, as it does between two devices.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", processes))
    fabric = Fabric(
        accelerator=device.type,
        devices=here if processes > 1 or device.type == "cpu" else [device.index or 0],
        num_nodes=processes // here,
        strategy="ddp" if processes > 1 else "auto",
        precision=precision or ("bf16-mixed" if fast_dtype(device) == torch.bfloat16 else "32-true"),
    )
    fabric.launch()
    return fabric


def precision_of(fabric: Fabric) -> str:
    """Return the number format in which a Fabric computes the steps, e.g. “bfloat16”."""
    precision = str(fabric.strategy.precision.precision)
    return PRECISIONS.get(precision, precision)


def own_share(batch: Tensor, fabric: Fabric) -> Tensor:
    """Return this process's part of a global batch (N, …): every ``world_size``-th item."""
    if len(batch) % fabric.world_size:
        raise RequestError(
            f"A batch of {len(batch)} images cannot be shared equally by {fabric.world_size} processes. "
            "Choose a batch size that their number divides."
        )
    return batch[fabric.global_rank :: fabric.world_size]


class _Summed(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is summed likewise, and the gradient of that one too."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        summed = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        summed: Tensor = _Summed.apply(gradient)
        return summed


def mean_over_processes(values: Tensor, fabric: Fabric) -> Tensor:
    """Return the mean of a tensor over several processes, through which gradients flow, those of gradients too."""
    summed: Tensor = _Summed.apply(values)
    return summed / fabric.world_size


class SharedBatchNorm2d(nn.BatchNorm2d):
    """A batch norm that takes its statistics over the batches of all processes.

    PyTorch's SyncBatchNorm does the same on GPUs, refuses to run on processors, and has no gradient of its gradient.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalise (N, C, H, W); in training with mean and variance of the global batch."""
        if not self.training:
            return super().forward(inputs)
        values = inputs if inputs.dtype == torch.float64 else inputs.float()
        sums = torch.cat([values.mean((0, 2, 3)), values.square().mean((0, 2, 3))])
        summed: Tensor = _Summed.apply(sums)
        mean, square = (summed / dist.get_world_size()).chunk(2)
        variance = square - mean.square()
        self._remember(mean.detach(), variance.detach(), values.numel() // values.shape[1] * dist.get_world_size())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        normalised: Tensor = (values * scale[:, None, None] + shift[:, None, None]).to(inputs.dtype)
        return normalised

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        momentum = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * count / (count - 1), momentum)


def share_statistics(network: nn.Module, fabric: Fabric, *, twice: bool = False) -> nn.Module:
    """Let the batch norms of several processes see the global batch; a single process keeps the usual ones.

    ``twice``: gradients of gradients will be wanted. Raises ``RequestError`` for batch norms that do more, like those
    of some timm networks: each process would keep statistics of its own, or what they do beside would be lost.
    """
    if fabric.world_size == 1:
        return network
    norms = (module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    other = sorted({type(module).__name__ for module in norms} - {nn.BatchNorm2d.__name__})
    if other:
        raise RequestError(
            f"This network cannot be trained by several processes: its batch norms ({joined(other)}) are none that "
            "processes can share. Train it with one, or choose another architecture."
        )
    if fabric.device.type == "cuda" and not twice:
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return converted
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SharedBatchNorm2d
    return network
