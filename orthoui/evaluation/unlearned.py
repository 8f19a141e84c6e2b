"""Networks that a method left behind: kept beside their run, so that every page can look at them again."""

import copy
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from orthoui.errors import CheckpointError, RequestError
from orthoui.evaluation.predictions import Predictor
from orthoui.models.card import ModelCard
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


@torch.inference_mode()
def keep_network(folder: Path, network: nn.Module, model: TrainedModel, images: Tensor) -> bool:
    """Keep a network in its run's folder; False for one that is built otherwise than the model, as a mask is.

    Weights are kept, not code: what the model's own architecture makes of them must answer alike on ``images``, uint8
    (N, C, H, W). Raises ``OSError`` when the disk is full.
    """
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if shapes != {name: tensor.shape for name, tensor in model.network.state_dict().items()}:
        return False
    rebuilt = copy.deepcopy(model.network)
    rebuilt.load_state_dict(network.state_dict())
    inputs = model.prepare(images)
    first = next(network.parameters()).dtype
    answers = network(inputs.to(first)).to(inputs.dtype)
    if not torch.allclose(rebuilt(inputs), answers, rtol=1e-3, atol=1e-3, equal_nan=True):
        return False
    save_checkpoint(folder / FILE, network, model.card)
    return True


def make_room(runs_folder: Path, most_bytes: int) -> None:
    """Delete kept networks, the oldest first, until those left take ``most_bytes`` at most; the newest always stays.

    One that another worker deletes meanwhile is no problem, and one that cannot be deleted stays.
    """
    found: list[tuple[float, int, Path]] = []
    for path in runs_folder.glob(f"*/{FILE}"):
        with suppress(OSError):
            about = path.stat()
            found.append((about.st_mtime, about.st_size, path))
    total = 0
    for place, (_, size, path) in enumerate(sorted(found, reverse=True)):
        total += size
        if total > most_bytes and place > 0:
            with suppress(OSError):
                path.unlink()


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
        network, card, digest = _loaded(folder / FILE, (folder / FILE).stat().st_mtime_ns, model.device)
    except CheckpointError as error:
        raise RequestError(f"What {method} left cannot be opened. {error}") from error
    if card != model.card:
        raise RequestError(f"What {method} left came out of another model than {model.name}.")
    return UnlearnedNetwork(run, method, network, digest, seconds)


@lru_cache(maxsize=MOST_LOADED)
def _loaded(path: Path, _: int, device: torch.device) -> tuple[nn.Module, ModelCard, str]:
    """Open a file once, and again only when it has been written anew."""
    network, card = load_checkpoint(path)
    return moved(network, device), card, weights_digest(network)
