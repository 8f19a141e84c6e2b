"""Searching a method's settings for one model and class on calibration images, as a run of the ledger."""

import itertools
import json
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orthoui.data import Dataset
from orthoui.errors import OrthoError, RequestError
from orthoui.evaluation.accuracy import Estimate, accuracies
from orthoui.evaluation.predictions import PredictionMemo, Predictor, sampling_order
from orthoui.evaluation.variants import original
from orthoui.files import write_atomically
from orthoui.jobs.context import Context
from orthoui.jobs.method import classes_in, identity_of, start_of
from orthoui.jobs.work import work
from orthoui.ledger import ACTIVE, Ledger, Result, Run, RunFilter
from orthoui.methods import METHODS, Method, MethodRequest, unlearn
from orthoui.methods.base import check_classes
from orthoui.methods.found import GOAL
from orthoui.methods.work import Watch
from orthoui.models.room import out_of_memory
from orthoui.models.trained import TrainedModel, resident
from orthoui.models.zoo import zoo
from orthoui.wording import joined, parse

KIND = "search"
STATE_FILE = "tried.json"
UNFINISHED = (*ACTIVE, "paused")

Settings = dict[str, Any]
"""Fields of a method's request that differ from what a run starts with; empty for the defaults."""


class SearchRequest(BaseModel):
    """Which method's settings are searched, for which model and classes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, max_length=200, description="name of the model")
    method: str = Field(min_length=1, max_length=200, description="name of the method")
    classes: tuple[int, ...] = Field(min_length=1, description="classes to forget, by number")


class Tried(BaseModel):
    """One setting that was tried: A_u and A_r on calibration images, percent, and the seconds of the method alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Settings
    forgotten: Estimate
    kept: Estimate
    seconds: float


class Searched(BaseModel):
    """What a search found. ``before``: accuracy of the other classes as the model was, percent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: float
    tried: tuple[Tried, ...] = Field(min_length=1)
    refused: tuple[Settings, ...] = Field(default=(), description="settings with which the method failed")

    @property
    def best(self) -> Tried:
        """The setting that tells the class and the others apart most, among those that reach the goal.

        Without one, that which misses it by least.
        """
        return min(self.tried, key=lambda one: (self._miss(one), one.forgotten.value - one.kept.value, one.seconds))

    @property
    def reached(self) -> bool:
        """Whether the best setting leaves at most 5 % of the class and costs the others at most 5 points."""
        return self._miss(self.best) == 0

    def _miss(self, one: Tried) -> float:
        """Return by how many points a setting misses the goal, in forgetting or keeping, whichever is worse."""
        return max(0.0, one.forgotten.value - GOAL, self.before - one.kept.value - GOAL)


def candidates(method: Method, model: TrainedModel, classes: tuple[int, ...]) -> list[Settings]:
    """Return the settings a search tries, defaults first: every combination of what the method says.

    Raises ``RequestError`` for a method that names nothing to search.
    """
    if not method.search:
        able = sorted(name for name in METHODS if METHODS[name].search)
        raise RequestError(f"{method.title} names no settings to search. These do: {joined(able)}.")
    start = start_of(method, model, classes)
    requests, chosen = [start], [Settings()]
    for values in itertools.product(*method.search.values()):
        changed = dict(zip(method.search, values, strict=True))
        try:
            request = _with(start, changed)
        except RequestError:  # what does not go together
            continue
        if request not in requests:
            requests.append(request)
            fewer = {name: value for name, value in changed.items() if value != getattr(start, name)}
            chosen.append(fewer if _with(start, fewer) == request else changed)
    return chosen


def _with(start: MethodRequest, changed: Settings) -> MethodRequest:
    return parse(type(start), {**start.model_dump(exclude_unset=True), **changed})


def setting_words(settings: Settings) -> str:
    """Return settings as they are typed on the command line, without the method's name."""
    return ", ".join(f"{name} = {value}" for name, value in settings.items()) or "defaults"


def title_of(method: Method, model: TrainedModel, classes: tuple[int, ...]) -> str:
    """Return what a search does, in words."""
    return f"Search settings of {method.title}: forget {classes_in(model, classes)}"


@work(KIND, SearchRequest, pausable=True)
def run_search(asked: SearchRequest, context: Context) -> Result:
    """Try one setting after another; each one's result is kept, so that a stopped search goes on behind it.

    Raises ``RequestError`` for what cannot be searched and ``OrthoError`` when the method failed with every setting.
    """
    model, method = zoo().forgettable(asked.model), METHODS[asked.method]
    data = model.data()
    check_classes(asked.classes, data)
    obstacle = method.obstacle(model, asked.classes)
    if obstacle is not None:
        raise RequestError(obstacle)
    search = _Search(method, model, data, asked.classes, context)
    before = search.accuracies(original(model))[1].value
    search.run()
    if not search.tried:
        search.forget_state()
        raise OrthoError(f"{method.title} failed with every setting that was tried. The log says why.")
    found = Searched(before=before, tried=tuple(search.tried), refused=tuple(search.refused))
    return Result(**identity_of(model, 0, data).model_dump(), metrics={"search": found.model_dump(mode="json")})


class _Search:
    """A search under way, with what was tried so far."""

    def __init__(
        self, method: Method, model: TrainedModel, data: Dataset, classes: tuple[int, ...], context: Context
    ) -> None:
        self._method, self._model, self._classes, self._context = method, model, classes, context
        self._data = data
        self._settings = candidates(method, model, classes)
        self._path = context.folder / STATE_FILE
        self._images = data["calibration"].digest
        self.tried: list[Tried] = []
        self.refused: list[Settings] = []
        self._read_state()

    @property
    def _done(self) -> int:
        return len(self.tried) + len(self.refused)

    def run(self) -> None:
        """Try what is left, in order."""
        for settings in self._settings[self._done :]:
            self._context.checkpointed()
            self._tell(0, 1, None)
            try:
                self.tried.append(self._try(settings))
            except (RequestError, RuntimeError, ValueError) as error:  # one setting's failure is not the others'
                if out_of_memory(error):
                    raise
                said = str(error) if isinstance(error, RequestError) else traceback.format_exc()
                self._context.log(f"{setting_words(settings)}: {said}")
                self.refused.append(settings)
            self._write_state()
            many = len(self._settings)  # a method that finds nothing to do takes no step, and tells none
            self._context.progress(1, 1, None, f"Setting {self._done} of {many}", share=self._done / many)

    def _try(self, settings: Settings) -> Tried:
        request = _with(start_of(self._method, self._model, self._classes), settings)
        done = unlearn(self._method, self._model, self._data, request, Watch(self._tell, self._stopped))
        for note in done.notes:
            self._context.log(note)
        own = resident("unlearned", self._model.card, done.network, self._model.device)
        forgotten, kept = self.accuracies(Predictor(own, lambda: own.network, "unlearned", PredictionMemo(4)))
        seconds = sum(done.seconds.values())
        self._context.log(
            f"{setting_words(settings)}: {forgotten.value:.1f} % left, others {kept.value:.1f} %, {seconds:.1f} s"
        )
        return Tried(settings=settings, forgotten=forgotten, kept=kept, seconds=seconds)

    def _tell(self, step: int, steps: int, loss: float | None) -> None:
        many = len(self._settings)
        share = (self._done + (step / steps if steps else 0)) / many
        self._context.progress(step, steps, loss, f"Setting {self._done + 1} of {many}", share=share)

    def _stopped(self) -> bool:
        """Stop inside a setting too: one that was interrupted is tried again."""
        self._context.checkpointed()
        return False

    def accuracies(self, predictor: Predictor) -> tuple[Estimate, Estimate]:
        """Return A_u and A_r on the calibration images. Raises ``RequestError`` where there are none to judge by."""
        images = self._data["calibration"]
        for last in predictor.stream(images, sampling_order(images.labels, self._classes)):  # noqa: B007
            self._context.checkpointed()
        found = accuracies(last.logits, images.labels.numpy(), self._classes, "calibration")
        if found.forget is None or found.retain is None:
            raise RequestError("There are no calibration images of these classes to judge settings by.")
        return found.forget, found.retain

    def _read_state(self) -> None:
        """Take over what an earlier attempt tried, if it was of the very model and the same settings."""
        try:
            state = json.loads(self._path.read_text(encoding="utf-8"))
            tried = [Tried.model_validate(one) for one in state["tried"]]
            refused = [dict(one) for one in state["refused"]]
            same = (state["model"], state.get("images")) == (self._model.digest, self._images)
        except (OSError, ValueError, TypeError, KeyError):
            return
        done = [*(one.settings for one in tried), *refused]
        if same and _alike(done, self._settings[: len(done)]):
            self.tried, self.refused = tried, refused

    def _write_state(self) -> None:
        tried = [one.model_dump(mode="json") for one in self.tried]
        state = {"model": self._model.digest, "images": self._images, "tried": tried, "refused": self.refused}
        try:
            write_atomically(self._path, json.dumps(state).encode())
        except OSError as error:  # a full disk costs the going on, not the search
            self._context.log(f"What was tried cannot be kept: {error.strerror or error}.")

    def forget_state(self) -> None:
        """Let the next attempt begin anew."""
        self._path.unlink(missing_ok=True)


def _alike(one: Iterable[Settings], other: Iterable[Settings]) -> bool:
    """Whether both are the same settings, in any order."""
    return sorted(map(setting_words, one)) == sorted(map(setting_words, other))


def searches_unfinished(
    book: Ledger, model: TrainedModel, classes: Sequence[int], method: str | None = None
) -> list[Run]:
    """Return the searches on a model and these classes that run, wait or are paused, newest first."""
    chosen = RunFilter(kind=(KIND,), state=UNFINISHED, model_digest=model.digest, method=method)
    return [run for run in book.find(chosen, sort="-created") if not run.ended and _of(run, classes)]


def latest_search(
    book: Ledger, model: TrainedModel, data: Dataset, classes: Sequence[int], method: str
) -> Searched | None:
    """Return what the latest finished search found here, on these images; None where there was none."""
    images = data["train"].digest
    chosen = RunFilter(kind=(KIND,), state=("done",), model_digest=model.digest, data_digest=images, method=method)
    for run in book.find(chosen, sort="-created"):
        try:
            if _of(run, classes):
                return Searched.model_validate(run.metrics.get("search"))
        except ValidationError:  # another version wrote it
            continue
    return None


def _of(run: Run, classes: Sequence[int]) -> bool:
    return set(run.request.get("classes", ())) == set(classes)
