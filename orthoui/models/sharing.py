"""Copies of a network that own their module tree but share every tensor."""

import itertools
from collections import OrderedDict
from typing import Any, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)

_REGISTERS = ("_parameters", "_buffers", "_modules")


def sharing_copy(network: Network) -> Network:
    """Return a network with modules of its own and the same tensors, in well under a millisecond.

    Replacing a tensor, registering a hook or changing the mode of the copy leaves the original alone,
    so that many sessions can alter copies of one resident model at the same time. Hooks are not copied.
    ``torch.func.functional_call`` is not used because it swaps tensors inside the shared modules while
    it runs, which another thread would see. Not for: training (writing into shared tensors).
    """
    copied: Network = _copy(network, {})
    return copied


def _copy(module: Any, made: dict[int, Any]) -> Any:
    if id(module) in made:  # a module used twice stays one module
        return made[id(module)]
    twin = module.__class__.__new__(module.__class__)
    made[id(module)] = twin
    state = dict(module.__dict__)
    for register in _REGISTERS:
        state[register] = type(state[register])(state[register])
    for name, value in state.items():
        if name.endswith(("_hooks", "_hooks_with_kwargs", "_hooks_always_called", "_pre_hooks")):
            state[name] = OrderedDict()
        elif isinstance(value, set):
            state[name] = set(value)
    twin.__dict__ = state
    for name, child in state["_modules"].items():
        if child is not None:
            state["_modules"][name] = _copy(child, made)
    return twin


def with_tensors(network: Network, tensors: dict[str, Any]) -> Network:
    """Return a sharing copy in which the named parameters and buffers are replaced."""
    copy = sharing_copy(network)
    for name, tensor in tensors.items():
        owner_name, _, attribute = name.rpartition(".")
        owner = copy.get_submodule(owner_name)
        if attribute in owner._buffers:
            owner._buffers[attribute] = tensor
        else:
            owner._parameters[attribute] = nn.Parameter(tensor, requires_grad=False)
    return copy


def moved(network: Network, device: torch.device) -> Network:
    """Return a sharing copy whose tensors lie on ``device``, moved one by one."""
    tensors = itertools.chain(network.named_parameters(), network.named_buffers())
    return with_tensors(network, {name: tensor.detach().to(device) for name, tensor in tensors})
