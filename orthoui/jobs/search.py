"""Searching a method's settings for one model and class on calibration images, as a run of the ledger."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.evaluation.accuracy import accuracies
from orthoui.evaluation.predictions import PredictionMemo, Predictor
from orthoui.evaluation.variants import original
from orthoui.files import write_atomically
from orthoui.jobs.context import Context
from orthoui.jobs.method import identity_of, start_of
from orthoui.jobs.work import work
from orthoui.ledger import ACTIVE, Ledger, Result, Run, RunFilter
from orthoui.methods import METHODS, Method, MethodRequest, unlearn
from orthoui.methods.base import check_classes
from orthoui.methods.found import GOAL
from orthoui.methods.work import Watch
from orthoui.models.trained import TrainedModel, resident
from orthoui.models.zoo import zoo
from orthoui.wording import parse

KIND = "search"
TRIED_FILE = "tried.json"


class SearchRequest(BaseModel):
    """Which method's settings are searched, for which model and classes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, max_length=200, description="name of the model")
    method: str = Field(min_length=1, max_length=200, description="name of the method")
    classes: tuple[int, ...] = Field(min_length=1, description="classes to forget, by number")


class Tried(BaseModel):
    """One setting that was tried: percent on calibration images, seconds of the method alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: dict[str, Any]
    """What differs from the defaults; empty for the defaults."""
    forgotten: float | None
    """None where the method refused or failed with these settings."""
    kept: float | None
    seconds: float


class Searched(BaseModel):
    """What a search found. ``before``: accuracy of the other classes as the model was, percent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: float
    tried: tuple[Tried, ...]

    @property
    def best(self) -> Tried | None:
        """The setting that keeps most of those that reach the goal; else the one that misses it by least."""
        able = [one for one in self.tried if one.forgotten is not None and one.kept is not None]
        return min(able, key=self._rank, default=None)

    @property
    def reached(self) -> bool:
        """Whether the best setting leaves at most 5 % of the class and costs the others at most 5 points."""
        return self.best is not None and self._shortfall(self.best) == 0

    def _shortfall(self, one: Tried) -> float:
        forgotten, kept = one.forgotten or 0.0, one.kept or 0.0
        return max(0.0, forgotten - GOAL) + max(0.0, self.before - kept - GOAL)

    def _rank(self, one: Tried) -> tuple[float, float, float]:
        return self._shortfall(one), -(one.kept or 0.0), one.seconds


def candidates(method: Method, model: TrainedModel, classes: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return the settings a search tries, defaults first: every combination of what the method says.

    Raises ``RequestError`` for a method that names nothing to search.
    """
    if not method.search:
        raise RequestError(f"{method.title} names no settings to search.")
    start = start_of(method, model, classes)
    names = tuple(method.search)
    seen, chosen = [start], [dict[str, Any]()]
    for values in itertools.product(*method.search.values()):
        changed = dict(zip(names, values, strict=True))
        request = _with(start, changed)
        if request not in seen:
            seen.append(request)
            chosen.append({name: value for name, value in changed.items() if value != getattr(start, name)})
    return chosen


def _with(start: MethodRequest, changed: dict[str, Any]) -> MethodRequest:
    return parse(type(start), {**start.model_dump(exclude_unset=True), **changed})


def title_of(method: Method, model: TrainedModel, classes: tuple[int, ...]) -> str:
    """Return what a search does, in words."""
    names = ", ".join(model.card.classes[label] for label in classes)
    return f"Search settings of {method.title}: forget {names} in {model.name}"


@work(KIND, SearchRequest, pausable=True)
def run_search(asked: SearchRequest, context: Context) -> Result:
    """Try one setting after another; each one's result is kept, so that a stopped search goes on behind it."""
    model = zoo().forgettable(asked.model)
    data, method = model.data(), METHODS[asked.method]
    check_classes(asked.classes, data)
    before = _accuracies(original(model), data, asked.classes)[1]
    settings = candidates(method, model, asked.classes)
    tried = _kept(context, settings)
    for place in range(len(tried), len(settings)):
        tried.append(_try(method, model, data, asked.classes, settings, place, context))
        _keep(context, tried)
        context.checkpointed()
    found = Searched(before=before, tried=tuple(tried))
    if found.best is None:
        raise RequestError(f"{method.title} failed with every setting that was tried. The log says why.")
    return Result(
        **identity_of(model, 0).model_dump(),
        metrics={"search": found.model_dump(mode="json")},
        timings={"search": sum(one.seconds for one in tried)},
    )


def _try(
    method: Method,
    model: TrainedModel,
    data: Dataset,
    classes: tuple[int, ...],
    settings: Sequence[dict[str, Any]],
    place: int,
    context: Context,
) -> Tried:
    changed, many = settings[place], len(settings)

    def progress(step: int, steps: int, loss: float | None) -> None:
        share = (place + (step / steps if steps else 0)) / many
        context.progress(step, steps, loss, f"Setting {place + 1} of {many}", share=share)

    context.progress(0, 1, None, f"Setting {place + 1} of {many}", share=place / many)
    request = _with(start_of(method, model, classes), changed)
    try:
        done = unlearn(method, model, data, request, Watch(progress, context.cancelled))
    except RequestError as error:
        context.log(f"{_words(changed)}: {error}")
        return Tried(settings=changed, forgotten=None, kept=None, seconds=0.0)
    own = resident("unlearned", model.card, done.network, model.device)
    memo = PredictionMemo(4)
    forgotten, kept = _accuracies(Predictor(own, lambda: own.network, "unlearned", memo), data, classes)
    seconds = sum(done.seconds.values())
    context.log(f"{_words(changed)}: {forgotten:.1f} % left, others {kept:.1f} %, {seconds:.1f} s")
    return Tried(settings=changed, forgotten=forgotten, kept=kept, seconds=seconds)


def _words(changed: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in changed.items()) or "defaults"


def _accuracies(predictor: Predictor, data: Dataset, classes: tuple[int, ...]) -> tuple[float, float]:
    """Return A_u and A_r on the calibration images, percent."""
    images = data["calibration"]
    found = accuracies(predictor.complete(images), images.labels.numpy(), classes, "calibration")
    if found.forget is None or found.retain is None:
        raise RequestError("There are no calibration images of these classes to judge settings by.")
    return found.forget.value, found.retain.value


def _kept(context: Context, settings: Sequence[dict[str, Any]]) -> list[Tried]:
    """Return what an earlier attempt tried already; nothing where it tried other settings."""
    try:
        found = json.loads((context.folder / TRIED_FILE).read_text(encoding="utf-8"))
        tried = [Tried.model_validate(one) for one in found]
    except (OSError, ValueError, TypeError, ValidationError):
        return []
    same = all(one.settings == asked for one, asked in zip(tried, settings, strict=False))
    return tried if same and len(tried) <= len(settings) else []


def _keep(context: Context, tried: Sequence[Tried]) -> None:
    text = json.dumps([one.model_dump(mode="json") for one in tried])
    try:
        write_atomically(context.folder / TRIED_FILE, text.encode())
    except OSError as error:  # a full disk costs the going on, not the search
        context.log(f"What was tried cannot be kept: {error.strerror or error}.")


def searches(book: Ledger, model: TrainedModel, method: str, classes: Sequence[int], *, active: bool) -> list[Run]:
    """Return the searches of a method on a model and these classes, newest first: under way or finished."""
    state = ACTIVE if active else ("done",)
    runs = book.find(RunFilter(kind=(KIND,), state=state, model_digest=model.digest, method=method), sort="-created")
    return [run for run in runs if set(run.request.get("classes", ())) == set(classes)]


def searched(book: Ledger, model: TrainedModel, method: str, classes: Sequence[int]) -> Searched | None:
    """Return what the latest search found here; None where there was none."""
    for run in searches(book, model, method, classes, active=False):
        try:
            return Searched.model_validate(run.metrics.get("search"))
        except ValidationError:  # another version wrote it
            continue
    return None
