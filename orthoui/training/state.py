"""What a training needs to go on after it was killed: every tensor and number, in one safetensors file."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from orthoui.errors import CheckpointError
from orthoui.files import write_atomically
from orthoui.training.recipe import Recipe
from orthoui.training.schemes.options import LogBatches

KEY = "orthoui-training"
ANEW = "Start the training anew: on the page by ticking “Start anew”, on the command line with --restart."
DECIDING = {
    "torch": "version of torch",
    "device": "device",
    "threads": "number of threads",
    "processes": "number of processes",
    "precision": "precision",
    "instructions": "instruction set of the processor",
}
"""What decides the last bits of the weights beside recipe and images, in words."""
UNORDERED = "a GPU adds up in no fixed order"
"""Why two trainings on the same GPU may differ in their last bits: its libraries' fastest sums are not repeatable."""


class Epoch(BaseModel):
    """One finished epoch: mean losses over its steps; accuracies in percent; the filters' mean absolute cosine.

    ``penalty`` is counted from ``least_penalty``, below which no weights can bring it; older epochs have it whole.
    """

    model_config = ConfigDict(frozen=True)

    epoch: int
    epochs: int
    loss: float
    penalty: float
    least_penalty: float = 0.0
    accuracy: float
    calibration: float
    cosine: float
    cosines: dict[str, float] = Field(default_factory=dict, description="that of every layer; older ones lack it")
    seconds: float
    images_per_second: float

    @property
    def curve(self) -> dict[str, Any]:
        """The epoch as a run's progress keeps it, which is stored twice a second: without its layers."""
        return self.model_dump(exclude={"cosines"})


class Origin(BaseModel):
    """What decides the weights of a training: on a processor the same origin gives the same weights, bit for bit."""

    model_config = ConfigDict(frozen=True)

    recipe: Recipe
    images: str
    logged: LogBatches | None = None
    """The batches whose updates are logged, where they are."""
    torch: str
    device: str
    threads: int
    processes: int
    precision: str = ""
    """Number format of the steps; empty where an older state does not tell."""
    instructions: str = ""
    """The processor's instruction set; empty on other devices, and where an older state does not tell."""

    def same_training(self, other: "Origin") -> bool:
        """Whether ``other`` is of the same recipe, images and log, wherever it runs."""
        return (self.recipe, self.images, self.logged) == (other.recipe, other.images, other.logged)

    def differences(self, other: "Origin") -> list[str]:
        """Name what keeps ``other`` from repeating this training bit for bit, in words; unknown is no difference."""
        changed = [
            f"{words} ({getattr(self, name)}, now {getattr(other, name)})"
            for name, words in DECIDING.items()
            if getattr(self, name) and getattr(other, name) and getattr(self, name) != getattr(other, name)
        ]
        return changed if other.device.startswith("cpu") else [*changed, UNORDERED]


def origin_of(recipe: Recipe, images: str, device: torch.device, processes: int, precision: str) -> Origin:
    """Return the origin of a training that runs here and now."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} {platform.machine()}"
    threads = torch.get_num_threads()
    return Origin(
        recipe=recipe,
        images=images,
        torch=torch.__version__,
        device=name,
        threads=threads,
        processes=processes,
        precision=precision,
        instructions=torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else "",
    )


class Numbers(BaseModel):
    """Everything of a state that is not a tensor."""

    model_config = ConfigDict(extra="forbid")

    origin: Origin
    epoch: int
    step: int
    totals: tuple[float, float, float]
    seconds: float
    epoch_seconds: float
    history: tuple[Epoch, ...]
    groups: list[dict[str, Any]]
    schedule: dict[str, Any]


@dataclass
class State:
    """A training between two steps: ``numbers``, and ``tensors`` by name."""

    numbers: Numbers
    tensors: dict[str, Tensor]


def save_state(path: Path, state: State) -> None:
    """Write a state under a temporary name and rename it: a crash or a full disk leaves the last good one."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
    write_atomically(path, save(tensors, metadata={KEY: state.numbers.model_dump_json()}))


def load_state(path: Path) -> State | None:
    """Read a state; None when there is none. Raises ``CheckpointError`` for one that cannot be read."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
        return State(Numbers.model_validate_json(metadata[KEY]), tensors)
    except (OSError, SafetensorError, KeyError, ValidationError) as error:
        raise CheckpointError(
            f"The saved state of an interrupted training, {path}, cannot be read ({type(error).__name__}). {ANEW}"
        ) from error


def epochs_kept(path: Path) -> int | None:
    """Return how many epochs a kept state has finished, without reading a tensor; None where that cannot be read.

    Of a training in stages they are those of the stage.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return len(Numbers.model_validate_json((file.metadata() or {})[KEY]).history)
    except (OSError, SafetensorError, KeyError, ValidationError):
        return None


def packed(network: nn.Module, optimiser: torch.optim.Optimizer, **others: Tensor) -> dict[str, Tensor]:
    """Return the tensors of network and optimiser, and others such as generator states, by name."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    for number, parts in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": part for name, part in parts.items() if part is not None}
    return tensors | others


def plain(schedule: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON can hold of a schedule's state; the rest is made anew with it."""
    return {name: value for name, value in schedule.items() if isinstance(value, int | float | bool | list | str)}


def unpack(state: State, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Put the tensors of a state back. Raises ``CheckpointError`` when they belong to another network."""
    parts = {
        name.removeprefix("network."): tensor for name, tensor in state.tensors.items() if name.startswith("network.")
    }
    try:
        network.load_state_dict(parts)
        held: dict[int, dict[str, Tensor]] = {}
        for name, tensor in state.tensors.items():
            if name.startswith("optimiser."):
                _, number, kind = name.split(".")
                held.setdefault(int(number), {})[kind] = tensor
        optimiser.load_state_dict({"state": held, "param_groups": state.numbers.groups})
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"The saved state belongs to another network. {ANEW}") from error
