"""Networks that a method left behind: kept beside their run, so that every page can look at them again."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from torch import nn

from orthoui.errors import CheckpointError, RequestError
from orthoui.evaluation.predictions import Predictor
from orthoui.models.checkpoints import load_checkpoint, save_checkpoint, weights_digest
from orthoui.models.sharing import moved
from orthoui.models.trained import TrainedModel

FILE = "unlearned.safetensors"
MOST_LOADED = 4


@dataclass(frozen=True, eq=False)
class UnlearnedNetwork:
    """What a method made of a model: shown wherever a network “after” is shown. ``seconds`` are those it took."""

    run: str
    method: str
    network: nn.Module
    digest: str
    seconds: float

    def predictor(self, model: TrainedModel) -> Predictor:
        """Return its predictor; ``model`` is the one it came out of."""
        return Predictor(model, lambda: self.network, self.digest)


def keep_network(folder: Path, network: nn.Module, model: TrainedModel) -> bool:
    """Keep a network in its run's folder; False for one that is built otherwise than the model, as a mask is.

    Raises ``OSError`` when the disk is full.
    """
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if shapes != {name: tensor.shape for name, tensor in model.network.state_dict().items()}:
        return False
    save_checkpoint(folder / FILE, network, model.card)
    return True


def make_room(runs_folder: Path, most_bytes: int) -> None:
    """Delete kept networks, the oldest first, until those left take ``most_bytes`` at most."""
    found = sorted(((path.stat(), path) for path in runs_folder.glob(f"*/{FILE}")), key=lambda one: -one[0].st_mtime)
    total = 0
    for about, path in found:
        total += about.st_size
        if total > most_bytes:
            path.unlink(missing_ok=True)


def is_kept(folder: str | None) -> bool:
    """Whether the network of a run with this folder can be opened."""
    return folder is not None and (Path(folder) / FILE).is_file()


def load_network(run: str, method: str, folder: Path, seconds: float, model: TrainedModel) -> UnlearnedNetwork:
    """Open a kept network on the model's device.

    Raises ``RequestError`` where it is not kept any more or came out of another model.
    """
    if not (folder / FILE).is_file():
        raise RequestError(
            f"What {method} left is not kept any more: only the latest networks are, or this one is built otherwise "
            "than the model. Run the method again."
        )
    try:
        return _loaded(run, method, folder / FILE, seconds, model)
    except CheckpointError as error:
        raise RequestError(f"What {method} left cannot be opened. {error}") from error


@lru_cache(maxsize=MOST_LOADED)
def _loaded(run: str, method: str, path: Path, seconds: float, model: TrainedModel) -> UnlearnedNetwork:
    network, card = load_checkpoint(path)
    if (card.classes, card.architecture, card.width) != (
        model.card.classes,
        model.card.architecture,
        model.card.width,
    ):
        raise RequestError(f"What {method} left came out of another model than {model.name}.")
    return UnlearnedNetwork(run, method, moved(network, model.device), weights_digest(network), seconds)
