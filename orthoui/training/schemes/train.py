"""From a recipe and a scheme to a checkpoint with its preparation beside it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from orthoui.data import Dataset, load_dataset
from orthoui.data.statistics import pixel_statistics
from orthoui.errors import RequestError
from orthoui.models.architectures import build
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import load_checkpoint, save_checkpoint, weights_digest
from orthoui.models.device import resolve_device
from orthoui.models.ensemble import MeanOf, mean_of
from orthoui.training.loop import Normalisation
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe, check_left_out
from orthoui.training.schemes.amnesiac import LOG, LoggedTraining
from orthoui.training.schemes.options import SCHEMES, AmnesiacScheme, SisaScheme
from orthoui.training.schemes.preparation import (
    About,
    begin,
    folder_of,
    put_in_place,
    unfinished_of,
    write_about,
    write_tensors,
)
from orthoui.training.schemes.sisa import (
    PARTITION,
    Count,
    Setting,
    StageFiles,
    member_of,
    partition,
    train_shard,
)
from orthoui.training.state import Epoch
from orthoui.training.train import finished_card
from orthoui.training.watching import StateFile, run_from_kept


@dataclass(frozen=True)
class _Place:
    """Where the model goes, the ``folder`` its preparation grows in, and what that says about itself."""

    path: Path
    folder: Path
    about: About

    def finish(self, network: nn.Module, card: ModelCard, steps: tuple[int, ...] = ()) -> ModelCard:
        """Write the model in full precision, then what its preparation belongs to."""
        save_checkpoint(self.path, network, card)
        digest = weights_digest(load_checkpoint(self.path)[0])
        write_about(self.folder, self.about.model_copy(update={"weights": digest, "steps": steps}))
        put_in_place(self.folder, folder_of(self.path, self.about.scheme.kind))
        for kind in SCHEMES:  # given up for this one
            shutil.rmtree(unfinished_of(self.path, kind), ignore_errors=True)
        return card


def train_with_scheme(
    scheme: AmnesiacScheme | SisaScheme,
    recipe: Recipe,
    path: Path,
    watcher: StateFile | None = None,
    *,
    restart: bool = False,
) -> ModelCard:
    """Train a model and write it to ``path``, with what the scheme keeps in ``<name>.<scheme>`` beside it.

    Goes on from an interrupted training of the same scheme and recipe unless ``restart``; a model and a preparation
    that lie there stay until both are replaced. Raises ``RequestError``
    when more would be stored than the scheme allows, for classes that cannot be left out, and for several processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RequestError(f"Training with the scheme {scheme.kind} runs in one process. Start it without torchrun.")
    data = load_dataset(recipe.dataset)
    check_left_out(recipe, data.classes)
    check_disk(scheme, recipe, len(data.classes))
    watcher = watcher or StateFile()
    mean, std = pixel_statistics(data)
    about = About(scheme=scheme, recipe=recipe, images=data["train"].digest, mean=mean, std=std)
    place = _Place(path, unfinished_of(path, scheme.kind), about)
    goes_on = begin(place.folder, about, restart=restart)
    if not goes_on and watcher.path is not None:
        watcher.path.unlink(missing_ok=True)  # of another training that had the model's name
    if isinstance(scheme, AmnesiacScheme):
        card = _train_logged(scheme, recipe, data, place, watcher)
    else:
        card = _train_sharded(scheme, recipe, data, place, watcher, goes_on)
    if watcher.path is not None:
        watcher.path.unlink(missing_ok=True)
    return card


def check_disk(scheme: AmnesiacScheme | SisaScheme, recipe: Recipe, classes: int) -> None:
    """Raise ``RequestError`` when the scheme would store more beside the model than its ``disk_gb``."""
    with torch.device("meta"):
        network = build(recipe.architecture, classes, recipe.width)
    weights = sum(tensor.numel() for tensor in network.state_dict().values())
    needed = scheme.disk_bytes(weights, classes) / 1e9
    if needed > scheme.disk_gb:
        fewer = "fewer shards or slices, or " if scheme.kind == "sisa" else ""
        raise RequestError(
            f"The scheme {scheme.kind} would store {needed:.2f} GB beside the model, and {scheme.disk_gb:g} GB are "
            f"allowed. Choose {fewer}a narrower network, or allow more with --disk-gb."
        )


def _train_logged(
    scheme: AmnesiacScheme, recipe: Recipe, data: Dataset, place: _Place, watcher: StateFile
) -> ModelCard:
    normalisation = place.about.mean, place.about.std
    training = LoggedTraining(data, recipe, normalisation, make_fabric(resolve_device()), scheme)
    network = run_from_kept(training, watcher)
    card = finished_card(recipe, network, data, normalisation, training.seconds, half=False)
    write_tensors(place.folder, LOG, training.logged)
    return place.finish(network, card, tuple(training.steps.tolist()))


def _train_sharded(
    scheme: SisaScheme, recipe: Recipe, data: Dataset, place: _Place, watcher: StateFile, goes_on: bool
) -> ModelCard:
    setting = make_setting(scheme, recipe, data, (place.about.mean, place.about.std))
    stages = StageFiles(place.folder)
    write_tensors(place.folder, PARTITION, {"shard": setting.shard, "slice": setting.slice})
    if goes_on:
        watcher.resumed(_history(setting, stages), [])
    count, nothing = Count(setting.all_epochs), torch.zeros(len(setting.shard)).bool()
    for shard in setting.shards:
        train_shard(setting, shard, nothing, watcher, count, stages)
    last = scheme.slices - 1
    network = MeanOf([member_of(setting, stages.load(shard, last)) for shard in setting.shards])
    network = network.to(setting.fabric.device).eval().requires_grad_(False)
    seconds = sum(epoch.seconds for epoch in _history(setting, stages))
    architecture = mean_of(len(setting.shards), recipe.architecture)
    card = finished_card(recipe, network, data, setting.normalisation, seconds, half=False, architecture=architecture)
    return place.finish(network, card)


def make_setting(scheme: SisaScheme, recipe: Recipe, data: Dataset, normalisation: Normalisation) -> Setting:
    """Return what the stages of a training share; the partition is drawn from the recipe's seed.

    It is that of all images, so that leaving out a class gives the shards that forgetting it would.
    """
    shard, slice_ = partition(data["train"].labels, scheme, recipe.seed)
    shard[torch.isin(data["train"].labels, torch.tensor(recipe.forgets, dtype=torch.int64))] = -1
    return Setting(scheme, recipe, data, normalisation, make_fabric(resolve_device()), shard, slice_)


def _history(setting: Setting, stages: StageFiles) -> tuple[Epoch, ...]:
    """Return the epochs of all finished stages, numbered through."""
    epochs: list[Epoch] = []
    for shard in setting.shards:
        for stage in range(setting.scheme.slices):
            state = stages.load(shard, stage)
            epochs += [] if state is None else list(state.numbers.history)
    total = setting.all_epochs
    return tuple(part.model_copy(update={"epoch": at + 1, "epochs": total}) for at, part in enumerate(epochs))
