"""Unlearning by any method, measured, as a run of the ledger."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.errors import DatasetError, RequestError
from orthoui.evaluation.comparison import Comparison, Scope, compare, parts
from orthoui.evaluation.presets import recommended
from orthoui.evaluation.relearning import RelearnSettings
from orthoui.evaluation.unlearned import UnlearnedNetwork, is_kept, keep_network, load_network, make_room
from orthoui.forgetting.request import ForgetRequest
from orthoui.jobs.context import Context
from orthoui.jobs.work import work
from orthoui.ledger import Result, Run, RunFilter, ledger
from orthoui.ledger.values import EVALUATION, Identity
from orthoui.methods import METHODS, Method, MethodRequest, unlearn
from orthoui.methods.base import check_classes
from orthoui.methods.retrain import RetrainRequest, ready_one
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel, resident
from orthoui.models.zoo import zoo
from orthoui.settings import settings
from orthoui.wording import joined, parse

KIND = "method"
STANDARD = "retrain"
"""The method that every other is measured against."""
NO_REFERENCE = "Distance to a retrained model needs one: add Retrain."
UNLEARNING = 0.9
"""Part of the bar that unlearning moves; measuring moves the rest, whatever it takes."""
COMPARED = 16
"""Images on which a network and what would be kept of it must answer alike."""


class MethodRun(BaseModel):
    """A method on a model: which classes, with which settings, and what is measured afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, max_length=200, description="name of the model")
    method: str = Field(min_length=1, max_length=200, description="name of the method")
    classes: tuple[int, ...] = Field(min_length=1, description="classes to forget, by number")
    settings: dict[str, Any] = Field(default_factory=dict, description="fields of the method's request")
    relearn: bool = Field(default=False, description="also count the steps that bring the class back")
    similarity: bool = Field(default=True, description="also compare the layers with the original and the retrained")


def start_of(method: Method, model: TrainedModel, classes: tuple[int, ...]) -> MethodRequest:
    """Return what a run without settings of its own asks for: the method's published defaults.

    Soft pruning starts from the model's recommended setting, and so does its control, which must scale as many
    channels as strongly.
    """
    fields: dict[str, Any] = {"classes": classes}
    best = recommended(model, classes) if issubclass(method.request, ForgetRequest) else None
    if best is not None:
        own = {"score"} if method.control else set()
        fields |= best.model_dump(exclude=own)
    return parse(method.request, fields)


def request_of(run: MethodRun, model: TrainedModel) -> MethodRequest:
    """Return the method's validated request.

    Raises ``UnknownNameError`` for an unknown method and ``RequestError`` for settings it does not take.
    """
    method = METHODS[run.method]
    start = start_of(method, model, run.classes)
    said = start.model_dump(exclude_unset=True)  # what is not said follows from the settings, as `compat` may decide
    return parse(method.request, {**said, **run.settings, "classes": run.classes})


def title_of(method: Method, model: TrainedModel, classes: tuple[int, ...]) -> str:
    """Return what a run does, in words."""
    return f"{method.title}: forget {classes_in(model, classes)}"


def classes_in(model: TrainedModel, classes: tuple[int, ...]) -> str:
    """Return of which classes and which model something is, as titles of runs say it."""
    return f"{joined([model.card.classes[label] for label in classes])} in {model.name}"


def identity_of(model: TrainedModel, seed: int, data: Dataset | None = None) -> Identity:
    """Return what the ledger should know; ``data`` once it is known on which images the work really goes on.

    What the checkpoint says of its training images is no answer: those of this machine may be others.
    """
    return Identity(
        model=model.name,
        model_digest=model.digest,
        architecture=model.card.architecture,
        dataset=model.card.dataset,
        data_digest=None if data is None else data["train"].digest,
        seed=seed,
        device=str(model.device),
    )


@work(KIND, MethodRun)
def run_method(run: MethodRun, context: Context) -> Result:
    """Unlearn, then measure. Evaluation is never inside the method's times."""
    model = zoo().forgettable(run.model)
    data, method = model.data(), METHODS[run.method]
    check_classes(run.classes, data)
    request = request_of(run, model)

    def progress(step: int, steps: int, loss: float | None) -> None:
        context.progress(step, steps, loss, "Unlearning", share=UNLEARNING * step / max(1, steps))

    progress(0, 0, None)  # some methods report no steps
    done = unlearn(method, model, data, request, Watch(progress, context.cancelled, context.folder))
    for note in done.notes:
        context.log(note)
    context.check()
    reference = _reference(run, request, model, data)  # before another network may take its place on the disk
    _keep(done.network, model, data["test"].images[:COMPARED], context)
    scope = Scope(RelearnSettings() if run.relearn else None, run.similarity)
    started = time.perf_counter()
    measured = compare(
        done.network,
        model,
        data,
        run.classes,
        reference,
        scope,
        told=_teller(context, parts(scope)),
        cancelled=context.cancelled,
    )
    spent = {"samples": done.samples, "forward": done.forward, "backward": done.backward}
    return Result(
        **identity_of(model, request.seed, data).model_dump(),
        metrics={
            **_at_the_top(measured),
            **measured.model_dump(mode="json"),
            "cost": spent,
            "notes": list(done.notes),
            "request": request.model_dump(mode="json"),
        },
        timings={**done.seconds, EVALUATION: time.perf_counter() - started},
    )


def _teller(context: Context, parts: int) -> Callable[[str], None]:
    """Return what reports the parts of a measurement as they begin: they move the end of the bar."""
    begun = iter(range(parts))

    def tell(doing: str) -> None:
        share = UNLEARNING + (1 - UNLEARNING) * next(begun, parts) / parts
        context.progress(0, 0, None, f"Measuring: {doing}", share=share)

    return tell


def _reference(run: MethodRun, request: MethodRequest, model: TrainedModel, data: Dataset) -> TrainedModel | None:
    """Return what a result is compared with; None for Retrain itself where that would be the same network."""
    if isinstance(request, RetrainRequest):
        return None if request.ready else ready_one(model, run.classes)
    return reference_for(model, run.classes, data)


def reference_for(model: TrainedModel, classes: tuple[int, ...], data: Dataset) -> TrainedModel | None:
    """Return the retrained model that a result is compared with: a ready one, or what Retrain left here last.

    None where there is none of the model's own recipe.
    """
    return ready_one(model, classes) or _retrained_here(model, classes, data["train"].digest)


def has_reference(model: TrainedModel, classes: tuple[int, ...]) -> bool:
    """Whether a retrained model is there that the next result can be compared with."""
    return ready_one(model, classes) is not None or any(_retrainings(model, classes, digest_here(model)))


def digest_here(model: TrainedModel) -> str | None:
    """Return the digest of a model's training images as they are on this machine; None where there are none."""
    try:
        return model.data()["train"].digest
    except DatasetError:
        return None


def of_other_images(run: Run, digest: str | None) -> bool:
    """Whether a run is known to be of other images than those of this digest: its values are not to be compared."""
    return digest is not None and run.data_digest not in (None, digest)


def _retrained_here(model: TrainedModel, classes: tuple[int, ...], images: str) -> TrainedModel | None:
    for run in _retrainings(model, classes, images):
        with suppress(RequestError):  # deleted meanwhile, or damaged
            found = unlearned_network(run.id, model, classes)
            return resident("retrained", model.card, found.network, model.device)
    return None


def _retrainings(model: TrainedModel, classes: tuple[int, ...], images: str | None) -> Iterator[Run]:
    """Yield the full runs of Retrain on these classes and images whose networks are kept, the latest first."""
    chosen = RunFilter(kind=(KIND,), state=("done",), model_digest=model.digest, method=STANDARD)
    for run in ledger().find(chosen, sort="-created"):
        same = set(run.request.get("classes", ())) == set(classes) and not of_other_images(run, images)
        if same and not shortened(run) and is_kept(run.folder):
            yield run


def shortened(run: Run) -> bool:
    """Whether a run of Retrain was told its epochs: then it is a trial, and no measure for the others."""
    asked = run.request.get("settings")
    return isinstance(asked, dict) and asked.get("epochs") is not None


def unlearned_network(run_id: str, model: TrainedModel, classes: tuple[int, ...]) -> UnlearnedNetwork:
    """Return what a finished run of a method left of ``model``. Raises ``OrthoError`` where that cannot be shown."""
    run = ledger().get(run_id)
    if run.kind != KIND or run.state != "done" or run.folder is None or run.method is None:
        raise RequestError("That run has left no network to look at: it is of another kind, or it did not finish.")
    if run.model_digest != model.digest or set(run.request.get("classes", ())) != set(classes):
        raise RequestError(f"That run forgot other classes, or in another model than {model.name}.")
    title = METHODS[run.method].title if run.method in METHODS else run.method
    return load_network(run.id, title, Path(run.folder), run.working_seconds, model)


def _keep(network: nn.Module, model: TrainedModel, images: Tensor, context: Context) -> None:
    """Keep the network for the pages; a full disk costs the looking at it, not the measurement."""
    try:
        if keep_network(context.folder, network, model, images):
            make_room(settings().runs_folder, settings().unlearned_mb * 1_000_000)
        else:
            context.log("The network is built otherwise than the model's: it is measured, and not kept.")
    except OSError as error:
        context.log(f"The network cannot be kept ({error.strerror or error}); it is measured all the same.")


def _at_the_top(measured: Comparison) -> dict[str, float | None]:
    """Return the accuracies where every list of runs looks for them."""
    groups = {"forget_accuracy": measured.forget_test, "retain_accuracy": measured.retain_test}
    return {name: None if found is None else found.value for name, found in groups.items()}
