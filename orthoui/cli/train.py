"""``orthoui train``: train a model, plain or orthogonal, with every class or without some."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import (
    AsJson,
    checked_folder,
    emit,
    folder_megabytes,
    megabytes,
    percent,
    plain_table,
    reports_errors,
    text,
    writing,
)
from orthoui.cli.fields import given, takes_fields_of
from orthoui.cli.progress import Bar, progress_bar
from orthoui.errors import RequestError, UnknownNameError
from orthoui.settings import settings
from orthoui.training.recipe import Recipe, check_left_out, recipe_named
from orthoui.training.schemes.options import SCHEMES, AmnesiacScheme, SisaScheme
from orthoui.wording import parse

if TYPE_CHECKING:
    from orthoui.jobs.train import TrainRequest
    from orthoui.ledger import Progress
    from orthoui.models.card import ModelCard
    from orthoui.training.state import Epoch


SCHEME_FIELDS = {field for kind in SCHEMES.values() for field in kind.model_fields} - {"kind"}


@reports_errors
@takes_fields_of(Recipe, without=("forgets",))
@takes_fields_of(SisaScheme, without=("kind",))
@takes_fields_of(AmnesiacScheme, without=("kind", "disk_gb"))
def train(
    forget: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS[,CLASS]",
            help="Classes never shown, by number or name: the retrained reference to compare forgetting with.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where the model is written. Default: models in ORTHOUI_HOME.", show_default=False
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the model. Default: made from its recipe.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a model of the same name.")] = False,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="Start from a shipped recipe, or from one of your own; other options change it. Default: the "
            "shipped one of the data set and architecture, if there is one, at a width of 16.",
            show_default=False,
        ),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Leave behind what a later forgetting needs: sisa (shards and slices with checkpoints) or amnesiac "
            "(sums of updates), in a folder beside the model. Their options are refused without it.",
            show_default=False,
        ),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start anew although an interrupted training could go on.")
    ] = False,
    as_json: AsJson = False,
    **fields: Any,
) -> None:
    """Train a model and write it as a checkpoint with its recipe inside. An interrupted training goes on."""
    from orthoui.jobs.execute import run_here
    from orthoui.jobs.train import TrainRequest
    from orthoui.models.checkpoints import read_card
    from orthoui.training.schemes.preparation import folder_of

    asked = given(fields)
    prepared = _checked_scheme(scheme, {part: asked.pop(part) for part in SCHEME_FIELDS if part in asked})
    chosen = _checked_recipe(recipe, asked, forget)
    path = _checked_path(TrainRequest(recipe=chosen, scheme=prepared).model, out, name, force)
    request = TrainRequest(recipe=chosen, name=path.stem, folder=path.parent, restart=restart, scheme=prepared)
    if not _first_process():
        _as_another_process(request)
        return
    with progress_bar(as_json, "Preparing", chosen.epochs) as bar, writing(path):
        if request.state.exists() and not restart:
            bar.note("An interrupted training of this model goes on where it stopped (--restart starts anew).")
        for sentence in _advice(chosen, asked, named=recipe is not None, plain=prepared is None):
            bar.note(f"Note: {sentence}")
        seen = _Epochs(bar)
        run_here("train", request, request.title, identity=request.identity, show=seen.show)
    card = read_card(path)
    left = None if prepared is None else folder_of(path, prepared.kind)
    described = _described(card, path)
    if left is not None:
        described["preparation"] = {"path": str(left), "size_mb": folder_megabytes(left)}
    emit(described, as_json, lambda: _answer(card, path, left))


def _as_another_process(request: "TrainRequest") -> None:
    """Take a share of the first process's training, from the same state; only the first writes and answers."""
    from orthoui.training.schemes.train import train_with_scheme
    from orthoui.training.train import train_model
    from orthoui.training.watching import StateFile

    if request.scheme is None:
        train_model(request.recipe, request.path, StateFile(request.state))
    else:
        train_with_scheme(request.scheme, request.recipe, request.path)  # refuses


def _first_process() -> bool:
    """Whether this process speaks for all that ``torchrun`` started."""
    return os.environ.get("RANK", "0") == "0"


def _checked_scheme(kind: str | None, fields: dict[str, Any]) -> AmnesiacScheme | SisaScheme | None:
    """Return the scheme asked for; an option of another one, or of none, is refused."""
    if kind is not None and kind not in SCHEMES:
        raise UnknownNameError("scheme", kind, sorted(SCHEMES))
    allowed = SCHEMES[kind].model_fields if kind is not None else {}
    for field in fields:
        if field not in allowed:
            owners = " or ".join(name for name in sorted(SCHEMES) if field in SCHEMES[name].model_fields)
            raise RequestError(f"--{field.replace('_', '-')} belongs to --scheme {owners}.")
    return None if kind is None else parse(SCHEMES[kind], fields)


def _checked_recipe(named: str | None, asked: dict[str, Any], forget: str | None) -> Recipe:
    """Refuse before training what training would stumble over."""
    from orthoui.data import load_dataset
    from orthoui.models.architectures import ARCHITECTURES
    from orthoui.models.timm_networks import is_timm
    from orthoui.training.beginning import beginning

    base = recipe_named(named).model_dump() if named else {}
    recipe = parse(Recipe, {**base, **asked})
    if not is_timm(recipe.architecture):
        _ = ARCHITECTURES[recipe.architecture]
    data = load_dataset(recipe.dataset)
    if named is None:
        usual = beginning(recipe.dataset, recipe.architecture, len(data["train"]))
        # not its width: the paper's takes hours, and the same command should train the same everywhere
        recipe = parse(Recipe, {**usual.model_dump(), "width": recipe.width, **asked})
    if forget is None:
        return recipe
    left_out = data.class_indices([part for part in forget.split(",") if part.strip()])
    if not left_out:
        raise RequestError("--forget names no class. Leave it out to train with every class.")
    recipe = recipe.model_copy(update={"forgets": left_out})
    check_left_out(recipe, data.classes)
    return recipe


def _advice(recipe: Recipe, asked: dict[str, Any], *, named: bool, plain: bool) -> list[str]:
    """Say what was chosen for a person, and that a ``plain`` training, all images at once, is too short."""
    from orthoui.data import load_dataset
    from orthoui.training.beginning import few_steps, steps_in_all
    from orthoui.training.command import shipped_name, usual_recipe

    told: list[str] = []
    usual = usual_recipe(recipe.dataset, recipe.architecture)
    if not named and "width" not in asked and usual.width != recipe.width:
        told.append(
            f"What was not given is as in the recipe {shipped_name(recipe.dataset, recipe.architecture)}, at a width "
            f"of {recipe.width}; its own takes much longer: --width {usual.width}."
        )
    if not named and "batch_size" not in asked and usual.batch_size != recipe.batch_size:
        told.append(f"Steps of {recipe.batch_size} images, because there are few (--batch-size for others).")
    images = len(load_dataset(recipe.dataset)["train"].without(recipe.forgets))
    warning = few_steps(steps_in_all(recipe, images)) if plain else None
    return [*told, warning] if warning else told


def _checked_path(usual: str, out: Path | None, name: str | None, force: bool) -> Path:
    from orthoui.models.zoo import SUFFIX, zoo

    name = usual if name is None else name.removesuffix(SUFFIX)
    if not name or Path(name).name != name or name.startswith("."):
        raise RequestError(
            f"“{name}” cannot be a model's name: use letters, digits and dashes, and --out for a folder."
        )
    folder = checked_folder(out or settings().home / "models")
    path = folder / f"{name}{SUFFIX}"
    taken = [path] if path.exists() else []
    if folder in settings().model_folders:  # there it would hide a model of the same name in another folder
        taken += [entry.path for entry in zoo().entries() if entry.name == name]
    if taken and not force:
        raise RequestError(
            f"There is already a model {name} ({taken[0]}). Choose another --name, or replace it with --force."
        )
    return path


class _Epochs:
    """Leaves a line for every finished epoch, and for what keeps one that goes on from being the same."""

    def __init__(self, bar: Bar) -> None:
        self._bar, self._told, self._differences = bar, 0, 0
        self._notice: str | None = None

    def show(self, progress: "Progress") -> None:
        """Show a run's progress."""
        from orthoui.training.state import Epoch

        differences = progress.metrics.get("differences", ())
        for sentence in differences[self._differences :]:
            self._bar.note(f"Note: {sentence}")
        self._differences = len(differences)
        notice = progress.metrics.get("notice")
        if notice and notice != self._notice:
            self._bar.note(f"Note: {notice}")
        self._notice = notice
        epochs = [Epoch.model_validate(curve) for curve in progress.metrics.get("curves", ())]
        for epoch in epochs[self._told :]:
            self._bar.note(_line(epoch))
        self._told = len(epochs)
        loss = "" if progress.loss is None else f", loss {progress.loss:.3f}"
        self._bar.show(progress.share * self._bar.total, f"{progress.message}{loss}")


def _line(done: "Epoch") -> str:
    summary = f"epoch {done.epoch} of {done.epochs}: loss {done.loss:.3f}, "
    if done.penalty or done.least_penalty:
        summary += f"penalty {done.penalty:.3f} above its least, "
    summary += f"accuracy {done.accuracy:.1f} % while training, {done.calibration:.1f} % on calibration images"
    return f"{summary}; {done.images_per_second:,.0f} images/s, {done.seconds:.1f} s"


def _mean(values: dict[str, float]) -> float:
    return sum(values.values()) / len(values)


def _described(card: "ModelCard", path: Path) -> dict[str, Any]:
    return {
        "model": path.stem,
        "path": str(path),
        "size_mb": megabytes(path),
        "accuracy": card.accuracy,
        "filter_cosine": card.filter_cosine,
        "mean_filter_cosine": _mean(card.filter_cosine),
        "recipe": card.recipe,
        "training_seconds": card.training_seconds,
        "versions": card.versions,
    }


def _answer(card: "ModelCard", path: Path, left: Path | None = None) -> RenderableType:
    table = plain_table("layer", "mean absolute cosine between its filters", numbers=(1,))
    for layer, cosine in card.filter_cosine.items():
        table.add_row(text(layer), f"{cosine:.4f}")
    table.add_row("mean of all layers", f"{_mean(card.filter_cosine):.4f}")
    beside = "" if left is None else f"; kept for a later forgetting: {left} ({folder_megabytes(left):.1f} MB)"
    accuracies = ", ".join(f"{percent(value)} {split}" for split, value in card.accuracy.items())
    return Group(
        Text(f"{path.stem}: {percent(card.accuracy['test'])} of the test images right.", style="bold"),
        Text(f"Accuracy: {accuracies}; seed {card.seed}; trained in {card.training_seconds:.0f} s."),
        Text(),
        table,
        Text(),
        Text(f"Written to {path} ({megabytes(path):.1f} MB){beside}.", style="dim", overflow="fold"),
    )
