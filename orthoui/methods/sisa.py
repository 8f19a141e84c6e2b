"""SISA: only the shards that held the class are trained again, from the last checkpoint before it."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from orthoui.errors import CancelledError, CheckpointError, RequestError
from orthoui.methods.base import MethodRequest, method
from orthoui.methods.work import Work
from orthoui.models.ensemble import MeanOf
from orthoui.training.parallel import make_fabric
from orthoui.training.reports import Step
from orthoui.training.schemes.options import SisaScheme
from orthoui.training.schemes.preparation import Preparation, again, missing, preparation_of
from orthoui.training.schemes.sisa import (
    PARTITION,
    Count,
    Setting,
    StageFiles,
    first_hits,
    member_of,
    train_shard,
)
from orthoui.training.state import State, load_state
from orthoui.training.watching import StateFile

Weighting = Literal["equal", "size"]

INTERRUPTED = "interrupted.safetensors"
"""File of the stage that was not finished."""

log = logging.getLogger(__name__)


class SisaRequest(MethodRequest):
    """Everything was decided when the model was trained, the seeds too; only the mean can be weighted."""

    weighting: Weighting = Field(
        default="equal", title="Weights", description="of the networks in the mean: equal, or by their images"
    )


@method(
    "sisa",
    title="SISA",
    source="Bourtoule et al., IEEE S&P 2021 (arXiv 1912.03817)",
    summary="Trains only those parts of the model again that had seen the class; the result never saw it.",
    request=SisaRequest,
    needs={"retain images", "gradients", "preparation"},
    exact=True,
    missing=lambda model: missing(model, "sisa"),
)
def sisa(work: Work) -> nn.Module:
    """Restart every shard that holds the class before its first affected slice; average the posteriors."""
    request, preparation = work.asked(SisaRequest), preparation_of(work.model, "sisa")
    if preparation is None:  # it went away since it was offered
        raise RequestError(str(missing(work.model, "sisa")))
    with work.stage("statistics"):
        setting = setting_of(work, preparation)
        removed = torch.isin(work.data["train"].labels, torch.tensor(request.classes))
    members = retrained_members(work, setting, preparation, removed)
    kept = [bool(((setting.shard == shard) & ~removed).any()) for shard in range(setting.scheme.shards)]
    sizes = [float(((setting.shard == shard) & ~removed).sum()) for shard in range(setting.scheme.shards)]
    shares = [size if request.weighting == "size" else 1.0 for size, there in zip(sizes, kept, strict=True) if there]
    if not all(kept):
        work.notes.append(f"Shards without any retained image, left out of the mean: {kept.count(False)}.")
    network = MeanOf([member for member, there in zip(members, kept, strict=True) if there], shares)
    return network.to(work.device).to(memory_format=torch.channels_last)


def setting_of(work: Work, preparation: Preparation) -> Setting:
    """Return how the model was trained. Raises ``RequestError`` when its images are no longer the same."""
    about, data = preparation.about, work.data
    if not isinstance(about.scheme, SisaScheme) or about.images != data["train"].digest:
        raise RequestError(
            f"{work.model.name} was trained in shards of other images than these, so that none can be found again. "
            f"Put those images back, or train the model anew: `{again(about, data.classes)}`."
        )
    placed = preparation.tensors(PARTITION)
    fabric, normalisation = make_fabric(work.device), (about.mean, about.std)
    return Setting(about.scheme, about.recipe, data, normalisation, fabric, placed["shard"], placed["slice"])


def retrained_members(work: Work, setting: Setting, preparation: Preparation, removed: Tensor) -> list[nn.Module]:
    """Return one network per shard: from its last checkpoint, or retrained without the ``removed`` images."""

    def told(step: Step) -> None:
        if work.watch.cancelled():
            raise CancelledError("The unlearning was cancelled. The model is unchanged.")
        work.watch.progress(step.step, step.steps, step.loss)

    hits = list(first_hits(setting, removed))
    stages = sum(setting.scheme.slices - first for _, first in hits if first is not None)
    count, members = Count(epochs=max(1, stages * setting.epochs)), []
    own = resumed(work.watch.folder, preparation)
    watcher = StateFile(own.folder and own.folder / INTERRUPTED, on_step=told)
    for shard, first in hits:
        if first is None:
            members.append(member_of(setting, kept_stage(setting, preparation, shard, setting.scheme.slices - 1)))
            continue
        start = kept_stage(setting, preparation, shard, first - 1) if first else None
        members.append(member_of(setting, train_shard(setting, shard, removed, watcher, count, own, first, start)))
    own.remove()
    work.seconds["optimisation"] += count.seconds  # of the steps; the accuracy after every epoch is not in them
    work.count(count.samples, backward=True)
    work.notes.append(f"{stages} of {setting.scheme.shards * setting.scheme.slices} stages were trained again.")
    return members


def kept_stage(setting: Setting, preparation: Preparation, shard: int, stage: int) -> State | None:
    """Return a stage's checkpoint from the model's own training; None where it had no image to learn from.

    Raises ``CheckpointError`` for one that is damaged, ``RequestError`` for one that is gone.
    """
    files = StageFiles(preparation.folder)
    state = files.load(shard, stage)
    if state is None and bool(((setting.shard == shard) & (setting.slice <= stage)).any()):
        raise RequestError(
            f"{files.path(shard, stage)} is missing, so that this part of the model would begin from nothing. Copy "
            f"the folder again, or train the model anew: `{again(preparation.about, setting.data.classes)}`."
        )
    return state


@dataclass(frozen=True)
class OwnStages:
    """Stages that this unlearning has finished: for the attempt after it, if there is a folder for them.

    Of every shard the last one is kept, and of those before it what they cost.
    """

    folder: Path | None

    def load(self, shard: int, stage: int) -> State | None:
        """Return a stage that was finished before; None where there is none."""
        return None if self.folder is None else StageFiles(self.folder).load(shard, stage)

    def save(self, shard: int, stage: int, state: State) -> None:
        """Keep a stage; a full disk is told and costs only this one."""
        if self.folder is None:
            return
        files = StageFiles(self.folder)
        try:
            files.save(shard, stage, state)
            if stage and (former := files.load(shard, stage - 1)):
                files.save(shard, stage - 1, State(former.numbers, {}))
        except OSError as error:
            log.warning("A finished stage could not be kept (%s); the unlearning goes on.", error)

    def remove(self) -> None:
        """Delete what was kept: all is done."""
        if self.folder is not None:
            shutil.rmtree(self.folder)


def resumed(kept: Path | None, preparation: Preparation) -> OwnStages:
    """Return what an attempt before has left in its run's folder ``kept``; what cannot be read is done again."""
    if kept is None:
        return OwnStages(None)
    folder = kept / f"sisa-{preparation.about.weights}"
    folder.mkdir(exist_ok=True)
    for path in list(folder.iterdir()):
        try:
            load_state(path)
        except CheckpointError:
            log.warning("%s cannot be read: what it held is trained again.", path)
            path.unlink()
            for stage in folder.glob(f"{path.name.partition('-')[0]}-*"):  # those before it have no weights any more
                stage.unlink()
    return OwnStages(folder)
