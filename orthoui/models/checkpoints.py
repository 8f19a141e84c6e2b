"""Checkpoints: one safetensors file with a JSON card in its metadata. Nothing is ever unpickled."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from orthoui.errors import CheckpointError, RequestError
from orthoui.files import write_atomically
from orthoui.models.architectures import build
from orthoui.models.card import ModelCard

METADATA_KEY = "orthoui"


def weights_digest(network: nn.Module) -> str:
    """Return SHA-256 (16 hex digits) of every tensor of a network, names included."""
    sha = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        sha.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        sha.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()[:16]


def save_checkpoint(path: Path, network: nn.Module, card: ModelCard, *, half: bool = False) -> None:
    """Write a checkpoint under a temporary name and rename it, so that a crash leaves the old file.

    ``half`` stores trainable weights as float16; running statistics keep their precision.
    """
    trainable = {name for name, _ in network.named_parameters()}

    def stored(name: str, tensor: Tensor) -> Tensor:
        tensor = tensor.detach().cpu().contiguous()
        return tensor.half() if half and name in trainable else tensor

    tensors = {name: stored(name, tensor) for name, tensor in network.state_dict().items()}
    write_atomically(path, save(tensors, metadata={METADATA_KEY: card.model_dump_json()}))


def read_card(path: Path) -> ModelCard:
    """Read only the card of a checkpoint. Raises ``CheckpointError``."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path.name} is damaged or not a safetensors file ({error}). Copy it again or train the model anew."
        ) from error
    if METADATA_KEY not in metadata:
        raise CheckpointError(
            f"{path.name} was not written by OrthoUI: it holds weights but no description of the model. "
            "Give it one with `orthoui models import`."
        )
    try:
        return ModelCard.model_validate_json(metadata[METADATA_KEY])
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "document"
        raise CheckpointError(f"The description inside {path.name} is invalid: {where}: {fault['msg']}.") from error


def load_checkpoint(path: Path) -> tuple[nn.Module, ModelCard]:
    """Rebuild a network: float32, evaluation mode, gradients off. Raises ``CheckpointError``."""
    card = read_card(path)
    try:
        with torch.device("meta"):  # no memory before the shapes are known to fit: a card can claim any width
            network = build(card.architecture, len(card.classes), card.width)
    except RequestError as error:
        raise CheckpointError(f"{path.name} cannot be rebuilt. {error}") from error
    expected = network.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} is damaged ({error}). Copy it again.") from error
    _check_shapes(path.name, card, tensors, expected)
    converted = {name: tensor.to(expected[name].dtype) for name, tensor in tensors.items()}
    network.load_state_dict(converted, assign=True)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values()):
        raise CheckpointError(f"{path.name} holds weights that are not finite numbers. Train the model anew.")
    return network.eval().requires_grad_(False), card


def _check_shapes(file: str, card: ModelCard, found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    differing = differences(found, expected)
    if differing:
        raise CheckpointError(
            f"{file} says it is {card.title} with {len(card.classes)} classes, but its weights differ: "
            f"{'; '.join(differing[:3])}."
        )


def differences(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """Say of every tensor that is missing, superfluous or of another shape what is there and what is expected."""

    def describe(name: str) -> str:
        there = tuple(found[name].shape) if name in found else "missing"
        wanted = tuple(expected[name].shape) if name in expected else "not part of the network"
        return f"{name}: {there} in the file, {wanted} expected"

    return [
        describe(name)
        for name in sorted(found.keys() | expected.keys())
        if name not in found or name not in expected or found[name].shape != expected[name].shape
    ]
