"""Weights from elsewhere: read without running anything, and brought to the names of a network here."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from orthoui.errors import CheckpointError

SAFETENSORS = ".safetensors"
PICKLED = (".pt", ".pth", ".bin", ".ckpt", ".tar")
NESTED = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
"""Where training programs put the weights beside epochs, optimisers and the like."""
DEEPEST = 3
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "encoder.")
"""What wrappers put before every name: data parallel, torch.compile, Lightning and self-made classes."""
UNUSED = ("num_batches_tracked", "total_ops", "total_params")
"""Ends of names that say nothing about what a network computes."""
HEAD = re.compile(r"(?P<module>(?:linear|fc|classifier|head|output)(?:\.\d+)?)\.(?P<tensor>weight|bias)")
COUNTER = "num_batches_tracked"


def read_weights(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, or of a ``.pt`` / ``.pth`` file, by name, on the processor.

    A pickled file is opened with torch's ``weights_only``, which builds tensors and plain containers and runs
    nothing. Weights inside other documents are found. Raises ``CheckpointError`` in plain words.
    """
    if not file.is_file():
        raise CheckpointError(f"There is no file {file}.")
    if file.suffix == SAFETENSORS:
        return _safetensors(file)
    if file.suffix not in PICKLED:
        allowed = ", ".join((SAFETENSORS, *PICKLED))
        raise CheckpointError(f"{file.name} is no file of weights by its name: choose one that ends in {allowed}.")
    try:
        document = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file makes the reader raise whatever it likes
        raise CheckpointError(
            f"{file.name} cannot be read as weights. It is damaged, or holds Python objects besides tensors, which "
            "are not opened because that can run code. Save it again where it was made: "
            "torch.save(model.state_dict(), 'weights.pth')."
        ) from error
    tensors = _inside(document, DEEPEST)
    if not tensors:
        raise CheckpointError(f"{file.name} holds no weights by name. Save model.state_dict() and import that.")
    return tensors


def fitted(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return ``found`` under the names that ``expected`` has, as far as they can be told.

    Prefixes of wrappers are removed, the classifier and shortcuts get their names here, counters that no
    prediction needs are added or dropped. Shapes and whatever is left over are for the caller to judge.
    """
    tensors = _without_prefixes(found, expected)
    tensors = _renamed_head(tensors, expected)
    if not any(".shortcut." in name for name in expected):
        tensors = {name.replace(".shortcut.", ".downsample."): tensor for name, tensor in tensors.items()}
    kept = {
        name: tensor.to(expected[name].dtype) if name in expected else tensor
        for name, tensor in tensors.items()
        if name in expected or not name.endswith(UNUSED)
    }
    counters = {name: torch.zeros_like(tensor) for name, tensor in expected.items() if name.endswith(COUNTER)}
    return {**counters, **kept}


def _safetensors(file: Path) -> dict[str, Tensor]:
    try:
        with safe_open(file, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  not a mapping
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{file.name} is damaged or not a safetensors file ({error}). Copy it again."
        ) from error


def _inside(document: Any, depth: int) -> dict[str, Tensor]:
    """Return the first mapping of names to tensors, looking where training programs put it."""
    if not isinstance(document, Mapping) or depth == 0:
        return {}
    for key in NESTED:
        deeper = _inside(document.get(key), depth - 1)
        if deeper:
            return deeper
    return {str(name): value for name, value in document.items() if isinstance(value, Tensor)}


def _without_prefixes(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    foreign = tuple(prefix for prefix in PREFIXES if not any(name.startswith(prefix) for name in expected))
    tensors = {}
    for name, tensor in found.items():
        while name.startswith(foreign):
            name = next(name.removeprefix(prefix) for prefix in foreign if name.startswith(prefix))
        tensors[name] = tensor
    return tensors


def _renamed_head(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the one classifier of ``tensors`` the name of the one in ``expected``; several stay as they are."""
    theirs, ours = (
        {match["module"] for name in names if (match := HEAD.fullmatch(name))} for names in (tensors, expected)
    )
    if len(theirs) != 1 or len(ours) != 1:
        return dict(tensors)
    old, new = f"{theirs.pop()}.", f"{ours.pop()}."
    return {
        new + name.removeprefix(old) if name.startswith(old) else name: tensor for name, tensor in tensors.items()
    }
