"""SISA: sharded, isolated, sliced, aggregated training (Bourtoule et al., IEEE S&P 2021, arXiv 1912.03817).

Stage r of a shard trains on its slices 1 … r and leaves a checkpoint with weights, statistics, momentum and schedule.
What a stage draws depends on the recipe's seed, the shard and the stage alone, and its place in the learning rate's
schedule on the epochs done: stages before a removed image are the same, bit for bit, with or without it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from orthoui.data import Dataset, ImageSet
from orthoui.models.architectures import build
from orthoui.training.loop import Normalisation, Training
from orthoui.training.optimiser import one_cycle
from orthoui.training.recipe import Recipe
from orthoui.training.reports import Step
from orthoui.training.schemes.options import SisaScheme
from orthoui.training.state import Epoch, State, load_state, save_state, unpack
from orthoui.training.watching import StateFile

PARTITION = "partition.safetensors"
SHARD_SEEDS, STAGE_SEEDS = 100_003, 7_919
"""Primes between the seeds of shards and of stages: no two stages of up to 64 × 64 share one."""


@dataclass(frozen=True)
class Setting:
    """What all stages share. ``shard`` and ``slice`` say for every training image where it lies, from 0: (N,).

    An image of a class that the recipe leaves out lies in shard −1, which is none.
    """

    scheme: SisaScheme
    recipe: Recipe
    data: Dataset
    normalisation: Normalisation
    fabric: Fabric
    shard: Tensor
    slice: Tensor

    @property
    def epochs(self) -> int:
        """Epochs of every stage."""
        return self.scheme.epochs_per_slice(self.recipe.epochs)

    @property
    def shards(self) -> list[int]:
        """The shards that hold an image, from 0."""
        return [shard for shard in torch.unique(self.shard).tolist() if shard >= 0]

    @property
    def all_epochs(self) -> int:
        """Epochs of all stages of all shards."""
        return self.epochs * self.scheme.slices * len(self.shards)

    def seed(self, shard: int, stage: int) -> int:
        """Return the seed of a stage; that of the first of all is the recipe's."""
        return (self.recipe.seed + SHARD_SEEDS * shard + STAGE_SEEDS * stage) % 2**31

    def images(self, shard: int, stage: int, removed: Tensor) -> ImageSet:
        """Return the images of slices 0 … ``stage`` of a shard that are not ``removed`` (N,) bool."""
        inside = (self.shard == shard) & (self.slice <= stage) & ~removed
        train = self.data["train"]
        return train.subset(torch.nonzero(inside).flatten()) if not bool(inside.all()) else train


def partition(labels: Tensor, scheme: SisaScheme, seed: int) -> tuple[Tensor, Tensor]:
    """Return shard and slice of every image, int64 (N,) each; disjoint, complete, equal in size to one image."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    if scheme.packing == "class":
        order = order[labels[order].argsort(stable=True)]
    pieces = scheme.shards * scheme.slices
    number = torch.empty(len(labels), dtype=torch.int64)
    number[order] = torch.arange(len(labels)) * pieces // len(labels)
    return number // scheme.slices, number % scheme.slices


class StageTraining(Training):
    """One stage: epochs ``done`` … of the shard's whole schedule, on the slices so far."""

    def __init__(self, setting: Setting, shard: int, stage: int, images: ImageSet) -> None:
        self._done, self._total = stage * setting.epochs, setting.scheme.slices * setting.epochs
        data = replace(setting.data, splits={**setting.data.splits, "train": images})
        fields = {"seed": setting.seed(shard, stage), "epochs": self._done + setting.epochs}
        recipe = setting.recipe.model_copy(update=fields)
        super().__init__(data, recipe, setting.normalisation, setting.fabric)
        self._epoch = self._done
        self._place()

    def _made_schedule(self) -> torch.optim.lr_scheduler.OneCycleLR:
        whole = self.recipe.model_copy(update={"epochs": self._total})
        return one_cycle(self._optimiser, whole, self.steps_per_epoch)

    @property
    def _all_epochs(self) -> int:
        return self._total

    def start_from(self, before: State) -> None:
        """Take over the weights, statistics and momentum of the stage before."""
        unpack(before, self.network, self._optimiser)
        self._place()

    def _place(self) -> None:
        """Move the schedule to where this stage begins, counted in this stage's own steps."""
        steps = self._done * self.steps_per_epoch
        if steps:
            self._schedule.load_state_dict({"last_epoch": steps - 1, "_step_count": steps + 1})
            self._schedule.step()


@dataclass
class Part:
    """Watches one stage and tells the watcher of the whole training how far that is."""

    whole: StateFile
    training: Training
    epochs_before: int
    epochs: int
    stage_epochs: int

    def step(self, step: Step) -> None:
        """Pass on, counted in epochs of the whole: stages differ in steps."""
        per_epoch = self.training.steps_per_epoch
        inside = step.step - (self.training.recipe.epochs - self.stage_epochs) * per_epoch
        told = replace(
            step,
            epoch=min(self.epochs, self.epochs_before + -(-inside // per_epoch)),
            epochs=self.epochs,
            step=round(1000 * (self.epochs_before + inside / per_epoch)),
            steps=1000 * self.epochs,
            share=(self.epochs_before + inside / per_epoch) / self.epochs,
        )
        self.whole.step(told)

    def epoch(self, epoch: Epoch) -> None:
        """Pass on with the number it has in the whole."""
        inside = epoch.epoch - (self.training.recipe.epochs - self.stage_epochs)
        self.whole.epoch(epoch.model_copy(update={"epoch": self.epochs_before + inside, "epochs": self.epochs}))

    def wants_state(self, *, epoch_ended: bool) -> bool:
        """Whether the state should be kept now."""
        return self.whole.wants_state(epoch_ended=epoch_ended)

    def keep(self, state: State) -> bool:
        """Keep the state of the stage."""
        return self.whole.keep(state)


@dataclass
class Count:
    """What trained stages cost: ``samples`` read, epochs done and to be done in all."""

    epochs: int
    done: int = 0
    samples: int = 0
    seconds: float = 0.0


class Stages(Protocol):
    """Where finished stages are kept."""

    def load(self, shard: int, stage: int) -> State | None:
        """Return the checkpoint of a stage that is finished; None where there is none."""

    def save(self, shard: int, stage: int, state: State) -> None:
        """Keep the checkpoint of a stage."""


@dataclass(frozen=True)
class StageFiles:
    """The checkpoints of finished stages in a folder."""

    folder: Path

    def path(self, shard: int, stage: int) -> Path:
        """Return the file of a checkpoint, numbered from 1 as in the paper."""
        return self.folder / f"shard{shard + 1:02}-slice{stage + 1:02}.safetensors"

    def load(self, shard: int, stage: int) -> State | None:
        """Return a checkpoint; None where there is none. Raises ``CheckpointError`` for one that cannot be read."""
        return load_state(self.path(shard, stage))

    def save(self, shard: int, stage: int, state: State) -> None:
        """Write a checkpoint. Raises ``OSError`` when the disk is full."""
        save_state(self.path(shard, stage), state)


def train_shard(
    setting: Setting,
    shard: int,
    removed: Tensor,
    watcher: StateFile,
    count: Count,
    stages: Stages,
    first: int = 0,
    before: State | None = None,
) -> State | None:
    """Train the stages ``first`` … of a shard without the ``removed`` images, from the checkpoint ``before`` them.

    Every stage leaves its checkpoint in ``stages``; one that has left it there already is not trained again. A stage
    without any image changes nothing. Returns the last stage's checkpoint, ``before`` if none had an image.
    """
    for stage in range(first, setting.scheme.slices):
        images = setting.images(shard, stage, removed)
        if len(images):
            training = StageTraining(setting, shard, stage, images)
            finished = stages.load(shard, stage)
            if finished is not None and finished.numbers.origin.same_training(training.origin):
                watcher.differs(finished.numbers.origin.differences(training.origin))
            else:
                part = Part(watcher, training, count.done, count.epochs, setting.epochs)
                finished = _trained(training, before, watcher, part)
                stages.save(shard, stage, finished)
            before = finished
            count.samples += setting.epochs * training.steps_per_epoch * min(len(images), setting.recipe.batch_size)
            count.seconds += before.numbers.seconds
        count.done += setting.epochs
    return before


def _trained(training: StageTraining, before: State | None, watcher: StateFile, part: Part) -> State:
    """Train from the checkpoint before, or from the middle of the stage where an interrupted one was kept."""
    kept = None if watcher.path is None else load_state(watcher.path)
    if kept is not None and kept.numbers.origin.same_training(training.origin):
        watcher.differs(training.resume(kept))
    elif before is not None:
        training.start_from(before)
    training.run(part)
    return training.state()


def first_hits(setting: Setting, removed: Tensor) -> Iterator[tuple[int, int | None]]:
    """Yield every shard with the first slice that holds a removed image, None where none does."""
    for shard in range(setting.scheme.shards):
        hit = setting.slice[(setting.shard == shard) & removed]
        yield shard, int(hit.min()) if len(hit) else None


def member_of(setting: Setting, state: State | None) -> nn.Module:
    """Return the network of a checkpoint, on the processor; an untrained one for a shard without a single image."""
    network = build(setting.recipe.architecture, len(setting.data.classes), setting.recipe.width)
    if state is not None:
        parts = {name: part for name, part in state.tensors.items() if name.startswith("network.")}
        network.load_state_dict({name.removeprefix("network."): part for name, part in parts.items()})
    return network.eval().requires_grad_(False)
