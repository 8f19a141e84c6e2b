"""Unlearning by any method, measured, as a run of the ledger."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from orthoui.errors import RequestError
from orthoui.evaluation.comparison import Scope, compare
from orthoui.evaluation.presets import recommended
from orthoui.evaluation.relearning import RelearnSettings
from orthoui.jobs.context import Context
from orthoui.jobs.work import work
from orthoui.ledger import Result
from orthoui.ledger.values import Identity
from orthoui.methods import METHODS, Method, MethodRequest, unlearn
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import zoo
from orthoui.wording import parse


class MethodRun(BaseModel):
    """A method on a model: which classes, with which settings, and what is measured afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, max_length=200, description="name of the model")
    method: str = Field(min_length=1, max_length=200, description="name of the method")
    classes: tuple[int, ...] = Field(min_length=1, description="classes to forget, by number")
    settings: dict[str, Any] = Field(default_factory=dict, description="fields of the method's request")
    relearn: bool = Field(default=False, description="also count the steps that bring the class back")
    similarity: bool = Field(default=True, description="also compare the layers with the original and the retrained")


def request_of(run: MethodRun, model: TrainedModel) -> MethodRequest:
    """Return the method's validated request. Soft pruning starts from the model's recommended setting.

    Raises ``UnknownNameError`` for an unknown method and ``RequestError`` for settings it does not take.
    """
    method = METHODS[run.method]
    fields: dict[str, Any] = {"classes": run.classes}
    start = recommended(model, run.classes) if method.name.startswith("soft-pruning") else None
    if start is not None:
        fields = start.model_dump()
    return parse(method.request, {**fields, **run.settings, "classes": run.classes})


def title_of(method: Method, model: TrainedModel, classes: tuple[int, ...]) -> str:
    """Return what a run does, in words."""
    names = ", ".join(model.card.classes[label] for label in classes)
    return f"{method.title}: forget {names} in {model.name}"


def identity_of(model: TrainedModel, seed: int) -> Identity:
    """Return what the ledger should know before a method begins."""
    return Identity(
        model=model.name,
        model_digest=model.digest,
        architecture=model.card.architecture,
        dataset=model.card.dataset,
        data_digest=model.card.images_digest,
        seed=seed,
        device=str(model.device),
    )


@work("method", MethodRun)
def run_method(run: MethodRun, context: Context) -> Result:
    """Unlearn, then measure. Evaluation is never inside the method's times."""
    model = zoo().forgettable(run.model)
    unknown = [label for label in run.classes if label >= len(model.card.classes)]
    if unknown:
        raise RequestError(f"There is no class {unknown[0]} in {model.name}.")
    data, method = model.data(), METHODS[run.method]
    request = request_of(run, model)

    def progress(step: int, steps: int, loss: float | None) -> None:
        context.progress(step, steps, loss, "Unlearning")

    done = unlearn(method, model, data, request, Watch(progress, context.cancelled))
    for note in done.notes:
        context.log(note)
    context.check()
    scope = Scope(RelearnSettings() if run.relearn else None, run.similarity)
    measured = compare(
        done.network,
        model,
        data,
        run.classes,
        zoo().reference(model, run.classes),
        scope,
        told=lambda doing: context.progress(0, 0, None, doing),
        cancelled=context.cancelled,
    )
    cost = {"samples": done.samples, "forward": done.forward, "backward": done.backward}
    return Result(
        **identity_of(model, request.seed).model_dump(),
        metrics={
            **measured.model_dump(mode="json"),
            "cost": cost,
            "notes": list(done.notes),
            "request": request.model_dump(mode="json"),
        },
        timings={**done.seconds},
    )
