"""A model from elsewhere becomes one of the zoo: weights fitted, accuracy measured, card written."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import nn

from orthoui.data import SPLITS, Dataset, load_dataset
from orthoui.data.known import KNOWN
from orthoui.data.statistics import pixel_statistics
from orthoui.errors import CheckpointError, DatasetError, OrthoError, RequestError
from orthoui.evaluation.variants import original
from orthoui.models.architectures import PAPER_WIDTH, build
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import save_checkpoint
from orthoui.models.device import resolve_device
from orthoui.models.foreign import fitted, read_weights
from orthoui.models.kinship import UNKNOWN_TRAINING
from orthoui.models.misfit import STEMS, check_fit
from orthoui.models.room import Room
from orthoui.models.trained import TrainedModel, resident
from orthoui.models.zoo import SUFFIX, checked_name, zoo
from orthoui.settings import settings
from orthoui.training.orthogonality import filter_cosines

Report = Callable[[str, float], object]

BARELY = 1.5
"""A model that is right less often than this many times by chance was probably imported wrongly."""


class ImportRequest(BaseModel):
    """What a person says about weights from elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = Field(description="kind of network: one of OrthoUI's, or timm:NAME")
    dataset: str = Field(description="data set it was trained on, by name")
    width: int | None = Field(
        default=None, ge=4, le=512, description="channels of the first stage; None reads it from the file"
    )
    input_size: int | None = Field(
        default=None, ge=8, le=1024, description="side images are resized to, pixels; None is the data set's"
    )
    mean: tuple[float, ...] | None = Field(default=None, description="of its training pixels; None measures it")
    std: tuple[float, ...] | None = Field(default=None, description="of its training pixels; None measures it")

    @field_validator("mean", "std")
    @classmethod
    def _one_or_three_shares(cls, values: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if values is not None and (len(values) not in (1, 3) or not all(0 < value <= 1 for value in values)):
            raise ValueError("choose one number for all colours or three, above 0 and of at most 1 (full brightness)")
        return values


@dataclass(frozen=True)
class Imported:
    """An imported model, where it lies, and what a person should know about it."""

    card: ModelCard
    path: Path
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Images:
    """What a model has to know of a data set, whether or not its images are here."""

    classes: tuple[str, ...]
    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str = ""
    data: Dataset | None = field(default=None, repr=False)


def import_model(
    file: Path,
    request: ImportRequest,
    *,
    name: str | None = None,
    replace: bool = False,
    report: Report = lambda doing, share: None,
) -> Imported:
    """Bring weights from ``file`` into the zoo; the file stays as it is.

    Accuracy is measured on every split whose images are on this machine, and otherwise left open. Raises
    ``CheckpointError`` for a file that cannot be read or does not fit, ``RequestError`` for a name that is taken,
    ``UnknownNameError`` and ``DatasetError`` for what is not there, ``OSError`` when it cannot be written.
    """
    path = free_path(default_name(file, request) if name is None else name, replace=replace)
    report("Reading", 0.0)
    tensors = read_weights(file)
    images = _images(request.dataset)
    network, width = _network(file.name, tensors, request, len(images.classes))
    card = _card(file, request, images, width, network)
    model = _examined(path.stem, card, network)
    accuracy = {} if images.data is None else _accuracies(model, images.data, report)
    card = card.model_copy(update={"accuracy": accuracy})
    save_checkpoint(path, network, card)
    return Imported(card, path, _doubts(card))


def default_name(file: Path, request: ImportRequest) -> str:
    """Return the name of an imported model: data set, architecture, and the file's own name."""
    words = f"{request.dataset}-{request.architecture}-{file.stem}"
    return re.sub(r"[^\w.]+", "-", words, flags=re.ASCII).strip("-.")


def free_path(name: str, *, replace: bool = False) -> Path:
    """Return where a model of that name is written. Raises ``RequestError`` when it is no name, or is taken."""
    try:
        name = checked_name(name)
    except ValueError as error:
        raise RequestError(f"“{name}” cannot be a model's name: it {error}.") from None
    if not name:
        raise RequestError("A model needs a name: letters, digits and dashes.")
    taken = [entry.path for entry in zoo().entries() if entry.name == name]
    if taken and not replace:
        raise RequestError(
            f"There is already a model {name} ({taken[0]}). Choose another --name, or replace it with --force."
        )
    return settings().home / "models" / f"{name}{SUFFIX}"


def _images(dataset: str) -> _Images:
    try:
        data = load_dataset(dataset)
    except DatasetError:
        known = KNOWN.get(dataset)
        if known is None or not known.classes:
            raise
        return _Images(known.classes, known.side, known.mean, known.std)
    mean, std = pixel_statistics(data)
    return _Images(data.classes, data.input_size, mean, std, data["train"].digest, data)


def _network(
    file: str, tensors: dict[str, torch.Tensor], request: ImportRequest, classes: int
) -> tuple[nn.Module, int]:
    """Return the network with the weights in it, and its width."""
    with torch.device("meta"):
        names = build(request.architecture, classes, PAPER_WIDTH).state_dict()
    width = request.width or _width(fitted(tensors, names))
    with torch.device("meta"):
        network = build(request.architecture, classes, width)
    expected = network.state_dict()
    found = fitted(tensors, expected)
    check_fit(file, found, expected, request.architecture, classes)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in found.values()):
        raise CheckpointError(f"{file} holds weights that are not finite numbers. Its training went wrong.")
    network.load_state_dict(found, assign=True)
    return network.eval().requires_grad_(False), width


def _width(found: dict[str, torch.Tensor]) -> int:
    """Return the number of filters of the stem; the paper's width where the names do not tell."""
    stem = next((found[name] for name in STEMS if name in found), None)
    return PAPER_WIDTH if stem is None or stem.ndim != 4 else min(512, max(4, stem.shape[0]))


def _card(file: Path, request: ImportRequest, images: _Images, width: int, network: nn.Module) -> ModelCard:
    size = request.input_size or images.side
    return ModelCard(
        architecture=request.architecture,
        origin="imported",
        width=width,
        classes=images.classes,
        dataset=request.dataset,
        images_digest=images.digest,
        input_size=size,
        resized=size != images.side,
        mean=request.mean or images.mean,
        std=request.std or images.std,
        orthogonality=0.0,
        seed=0,
        recipe={"imported_from": file.name, "sha256": _sha256(file)},
        filter_cosine=filter_cosines(network),
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _examined(name: str, card: ModelCard, network: nn.Module) -> TrainedModel:
    """Run the network once, as the zoo will. Raises ``RequestError`` when it cannot be used."""
    try:
        return Room(resolve_device()).fit(lambda device, _: resident(name, card, network, device))
    except OrthoError:
        raise
    except (RuntimeError, ValueError, IndexError, AttributeError, TypeError, AssertionError) as error:
        raise RequestError(
            f"{card.title} cannot be run on images of {card.input_size}×{card.input_size} pixels "
            f"({str(error).splitlines()[0]}). Give the size it was trained on with --input-size."
        ) from error


def _accuracies(model: TrainedModel, data: Dataset, report: Report) -> dict[str, float]:
    """Return percent correct on every split, as the app will compute it."""
    found: dict[str, float] = {}
    for split in SPLITS:
        images = data[split]
        order = torch.arange(len(images))
        for predictions in original(model).stream(images, order):
            report(f"Measuring on the {split} images", len(predictions.positions) / len(images))
        right = predictions.logits.argmax(axis=1) == images.labels.numpy()
        found[split] = round(100 * float(right.mean()), 2)
    return found


def _doubts(card: ModelCard) -> tuple[str, ...]:
    test = card.accuracy.get("test")
    if test is None or test >= BARELY * 100 / len(card.classes):
        return (UNKNOWN_TRAINING,)
    return (
        UNKNOWN_TRAINING,
        f"Only {test:.1f} % of the test images are right, about as many as by guessing. The classes may "
        "be in another order, or the network was trained on images prepared otherwise: try --mean, --std and "
        "--input-size.",
    )
