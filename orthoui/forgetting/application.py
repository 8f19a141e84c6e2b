"""From a plan to pruned weights: an overlay of the touched tensors on a shared network."""

import torch
from torch import Tensor, nn

from orthoui.forgetting.plan import LayerPlan, Plan
from orthoui.models.anatomy import Anatomy, ConvLayer
from orthoui.models.sharing import with_tensors


@torch.no_grad()
def pruned_tensors(network: nn.Module, anatomy: Anatomy, plan: Plan) -> dict[str, Tensor]:
    """Return only the tensors a plan changes, by name; equation (17): W̄_k ← (1 − α_k) W̄_k.

    ``conv`` scales the filter and its bias. ``bn`` scales the batch norm's γ and β, hence its output, by
    exactly 1 − α. ``conv_sync`` scales the filter, the running mean and β, with the same effect on the
    output in evaluation mode. A convolution without batch norm is always scaled itself, bias included.
    """
    tensors = {}
    for name, layer_plan in plan.touched.items():
        for tensor_name in _scaled_names(network, anatomy[name], plan.target):
            tensors[tensor_name] = _scaled(network, tensor_name, layer_plan)
    return tensors


def pruned_network(network: nn.Module, anatomy: Anatomy, plan: Plan) -> nn.Module:
    """Return a network with the plan applied that shares every untouched tensor with the given one."""
    return with_tensors(network, pruned_tensors(network, anatomy, plan))


def _scaled_names(network: nn.Module, layer: ConvLayer, target: str) -> list[str]:
    convolution = [f"{layer.name}.weight", f"{layer.name}.bias"]
    if layer.norm is None or target == "conv":
        names = convolution
    elif target == "bn":
        names = [f"{layer.norm}.weight", f"{layer.norm}.bias"]
    else:
        names = [*convolution, f"{layer.norm}.running_mean", f"{layer.norm}.bias"]
    return [name for name in names if _tensor(network, name) is not None]


def _tensor(network: nn.Module, name: str) -> Tensor | None:
    owner, _, attribute = name.rpartition(".")
    tensor: Tensor | None = getattr(network.get_submodule(owner), attribute)
    return tensor


def _scaled(network: nn.Module, name: str, plan: LayerPlan) -> Tensor:
    original = _tensor(network, name)
    if original is None:
        raise ValueError(f"{name} is not a tensor of the network.")
    factors = torch.ones(len(original), dtype=original.dtype)
    factors[torch.from_numpy(plan.channels)] = torch.from_numpy(plan.keep).to(original.dtype)
    # one pass over the tensor; a factor of exactly 1 leaves every bit of the other channels as it is
    return original.detach() * factors.to(original.device).view(-1, *[1] * (original.ndim - 1))
