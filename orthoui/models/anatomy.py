"""What a network is made of, found by running it once: its convolutions, their batch norms, its head."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from orthoui.errors import UnknownNameError
from orthoui.models.sharing import sharing_copy


@dataclass(frozen=True)
class ConvLayer:
    """One convolution in order of execution. ``size`` is the side of its output maps, pixels."""

    name: str
    channels: int
    norm: str | None
    """Batch norm that reads exactly this convolution's output, if any."""
    size: int
    stage: int
    """Stages are runs of layers with equally large maps, counted from 1."""


@dataclass(frozen=True)
class Anatomy:
    """The parts of a network that forgetting acts on."""

    layers: tuple[ConvLayer, ...]
    head: str | None
    """The linear layer that makes the logits, if the network ends in one."""

    def __getitem__(self, name: str) -> ConvLayer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise UnknownNameError("layer", name, (layer.name for layer in self.layers))

    @property
    def names(self) -> tuple[str, ...]:
        """Layer names in order of execution."""
        return tuple(layer.name for layer in self.layers)

    @property
    def channels(self) -> int:
        """Number of convolution channels in all layers."""
        return sum(layer.channels for layer in self.layers)

    @property
    def stages(self) -> tuple[int, ...]:
        """Stage numbers, ascending."""
        return tuple(sorted({layer.stage for layer in self.layers}))


@contextmanager
def hooked(network: nn.Module, hooks: dict[str, Any]) -> Iterator[None]:
    """Register forward hooks by module name for the length of a block; always removed."""
    handles = [network.get_submodule(name).register_forward_hook(hook) for name, hook in hooks.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.inference_mode()
def examine(network: nn.Module, sample: Tensor) -> Anatomy:
    """Run ``network`` once on ``sample`` (N, 3, H, W) and describe it; no layer is known by name.

    A batch norm belongs to a convolution when its input *is* that convolution's output tensor.
    """
    probe = sharing_copy(network).eval()
    outputs: dict[str, Tensor] = {}
    norms: dict[str, str] = {}
    linears: dict[str, Tensor] = {}

    def watch(name: str, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            outputs[name] = output
        elif isinstance(module, nn.Linear):
            linears[name] = output
        else:
            for layer, tensor in outputs.items():
                if tensor is inputs[0]:
                    norms[layer] = name

    watched = {
        name: (lambda module, inputs, output, name=name: watch(name, module, inputs, output))
        for name, module in probe.named_modules()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.Linear)
    }
    with hooked(probe, watched):
        logits = probe(sample)
    heads = [name for name, output in linears.items() if output is logits]
    return Anatomy(tuple(_describe(outputs, norms)), heads[0] if heads else None)


def _describe(outputs: dict[str, Tensor], norms: dict[str, str]) -> Iterator[ConvLayer]:
    stage, size = 0, -1
    for name, output in outputs.items():
        if output.shape[-1] != size:
            stage, size = stage + 1, int(output.shape[-1])
        yield ConvLayer(name, int(output.shape[1]), norms.get(name), size, stage)
