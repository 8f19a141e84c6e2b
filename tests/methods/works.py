"""What the tests of the methods share: a method's work on the tiny model, and networks to compare."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.methods import MethodRequest
from orthoui.methods.work import Watch, Work
from orthoui.models.trained import TrainedModel


def work_on(model: TrainedModel, data: Dataset, request: MethodRequest) -> Work:
    """The work that ``unlearn`` would hand to a method."""
    return Work(model, data, request, Watch())


def parameters_of(network: nn.Module) -> list[Tensor]:
    """Copies of all parameters."""
    return [part.detach().clone() for part in network.parameters()]


def buffers_of(network: nn.Module) -> list[Tensor]:
    """Copies of all buffers."""
    return [part.clone() for part in network.buffers()]


def equal(one: Iterable[Tensor], other: Iterable[Tensor]) -> bool:
    """Whether two lists of tensors are the same bit for bit."""
    return all(torch.equal(left, right) for left, right in zip(one, other, strict=True))
