"""A network in two halves: whoever alters the later layers only need not run the earlier ones again."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from orthoui.models.anatomy import Anatomy
from orthoui.models.sharing import sharing_copy


class _ReachedError(Exception):
    """The second half is about to begin."""


def where_to_cut(network: nn.Module, anatomy: Anatomy, layers: Iterable[str]) -> str | None:
    """Return the part of a network that its second half begins with, so that these layers all lie in it.

    It is where the earliest stage of theirs begins: close enough to them, and the same for most choices of layers.
    None where there is nothing to gain, no layers or one of the very first part, and where no part holds them.
    """
    stages = [anatomy[layer].stage for layer in layers]
    if not stages:
        return None
    first = next(layer.name for layer in anatomy.layers if layer.stage == min(stages))
    parts = list(_in_turn(network))
    holding = [part for part in parts if f"{first}.".startswith(f"{part}.")]
    return holding[0] if holding and holding[0] != parts[0] else None


def _in_turn(network: nn.Module, prefix: str = "") -> Iterator[str]:
    """Yield the names of the parts that run one after another, as far as a network's structure says it."""
    for name, child in network.named_children():
        if isinstance(child, nn.Sequential):
            yield from _in_turn(child, f"{prefix}{name}.")
        else:
            yield prefix + name


def first_half(network: nn.Module, cut: str, images: Tensor) -> Tensor:
    """Run a network on images (N, C, H, W) up to the part ``cut``; return what is handed to that, (N, …)."""
    handed_over: list[Tensor] = []

    def stop(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        handed_over.append(inputs[0])
        raise _ReachedError

    handle = network.get_submodule(cut).register_forward_pre_hook(stop)
    try:
        network(images)
    except _ReachedError:
        pass
    finally:
        handle.remove()
    return handed_over[0]


def second_half(network: nn.Module, cut: str) -> nn.Module:
    """Return the network from the part ``cut`` on, sharing its tensors: it maps what is handed over to logits."""
    half = sharing_copy(network)
    for name in _in_turn(network):
        if name == cut:
            break
        owner, _, attribute = name.rpartition(".")
        half.get_submodule(owner)._modules[attribute] = nn.Identity()
    return half


@torch.inference_mode()
def falls_in_halves(network: nn.Module, cut: str, images: Tensor) -> bool:
    """Whether the halves do exactly what the whole does: a network may use a part twice, or pass one by."""
    try:
        handed_over = first_half(network, cut, images)
        if not isinstance(handed_over, Tensor) or len(handed_over) != len(images):
            return False
        return torch.equal(second_half(network, cut)(handed_over), network(images))
    except Exception:  # noqa: BLE001  whatever a strange network raises, it is then run as a whole
        return False
