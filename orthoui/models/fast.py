"""The same network in its fastest form: batch norms folded into convolutions, low precision, channels-last."""

import torch
from torch import Tensor, nn

from orthoui.models.anatomy import Anatomy
from orthoui.models.sharing import sharing_copy


class FullPrecisionHead(nn.Module):
    """The last linear layer kept in float32: logits rounded to bfloat16 would tie."""

    def __init__(self, head: nn.Linear) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, d) of any precision to float32 logits (N, classes)."""
        logits: Tensor = self.head(features.float())
        return logits


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """Return one convolution that computes ``norm(convolution(x))`` as it is in evaluation mode."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise ValueError("A batch norm without running statistics cannot be folded.")
    scale = torch.rsqrt(variance + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight
    bias = -mean if convolution.bias is None else convolution.bias - mean
    bias = bias * scale if norm.bias is None else bias * scale + norm.bias
    weight = convolution.weight * scale.view(-1, 1, 1, 1)
    return _replaced(convolution, weight, bias)


def _replaced(convolution: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    twin = sharing_copy(convolution)
    twin._parameters["weight"] = nn.Parameter(weight, requires_grad=False)
    twin._parameters["bias"] = None if bias is None else nn.Parameter(bias, requires_grad=False)
    return twin


@torch.no_grad()
def fast_copy(network: nn.Module, anatomy: Anatomy, dtype: torch.dtype, *, fold: bool = True) -> nn.Module:
    """Return a network for prediction only, in ``dtype`` and channels-last, with float32 logits.

    Cheap enough to make for every request: a few milliseconds for the paper's ResNet-18. The given
    network is untouched.
    """
    copy = sharing_copy(network).eval()
    for layer in anatomy.layers:
        convolution = copy.get_submodule(layer.name)
        if fold and layer.norm is not None:
            norm = copy.get_submodule(layer.norm)
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                _set(copy, layer.name, folded(convolution, norm))
                _set(copy, layer.norm, nn.Identity())
    if anatomy.head is not None:
        head = copy.get_submodule(anatomy.head)
        if isinstance(head, nn.Linear):
            _set(copy, anatomy.head, FullPrecisionHead(head))
    for name, module in copy.named_modules():
        if anatomy.head is None or not f"{name}.".startswith(f"{anatomy.head}."):
            _cast(module, dtype)
    return copy


def _cast(module: nn.Module, dtype: torch.dtype) -> None:
    for name, parameter in module._parameters.items():
        if parameter is not None:
            module._parameters[name] = nn.Parameter(_converted(parameter, dtype), requires_grad=False)
    for name, buffer in module._buffers.items():
        if buffer is not None and buffer.is_floating_point():
            module._buffers[name] = _converted(buffer, dtype)


def _converted(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if tensor.ndim == 4:
        return tensor.to(dtype, memory_format=torch.channels_last)
    return tensor.to(dtype)


def _set(network: nn.Module, name: str, module: nn.Module) -> None:
    owner_name, _, attribute = name.rpartition(".")
    network.get_submodule(owner_name)._modules[attribute] = module


@torch.inference_mode()
def folding_is_exact(network: nn.Module, anatomy: Anatomy, sample: Tensor) -> bool:
    """Whether folding leaves the logits of ``sample`` as they are (it does unless an output is used twice)."""
    reference = network(sample)
    difference = (fast_copy(network, anatomy, torch.float32)(sample) - reference).abs().max()
    return bool(difference <= 1e-3 * (1 + reference.abs().max()))
