"""What a method is: from a model, images and a request to unlearned weights, with progress and a way to cancel."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.methods.work import Stage, Watch, Work
from orthoui.models.ensemble import members_in
from orthoui.models.trained import TrainedModel
from orthoui.registry import Registry

Need = Literal[
    "forget images", "retain images", "held-out images", "gradients", "preparation", "classifier head"
]  # fmt: skip
"""What a method must be given. “preparation” is something that only training can leave behind, “classifier head” the
one linear layer that makes all logits, which the mean of several networks does not have."""

Defaults = Literal["published", "proposed", "searched"]
"""Where the defaults of a method come from: its publication or code, but for what ``departs``; our own, as none are
known; our own, found on calibration images of the embedded orthogonal network."""

ORIGINS: dict[Defaults, str] = {
    "published": "published defaults",
    "proposed": "our own defaults, as none are known",
    "searched": "our own defaults, found on calibration images of the embedded network",
}


class MethodRequest(BaseModel):
    """What every method is asked: the classes to forget, and the seed of everything random.

    A method's own request adds its settings; every field has a title, bounds, and a description with unit and source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: tuple[int, ...] = Field(min_length=1, title="Classes", description="classes to forget, by number")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, title="Seed", description="of everything random in it")


@dataclass(frozen=True)
class Method:
    """One way to unlearn. ``run`` does it; everything else says what it is and what it needs."""

    name: str
    title: str
    source: str
    """Paper, with its arXiv number or venue."""
    summary: str
    """One sentence for people who have not read the paper."""
    request: type[MethodRequest]
    needs: frozenset[Need]
    run: Callable[[Work], nn.Module]
    forgets: bool = True
    """Whether it is able to forget a whole class; a control or a retained-data-only baseline may not be."""
    control: bool = False
    exact: bool = False
    """Whether the result is a model that never saw the class, by construction."""
    defaults: Defaults = "published"
    departs: str = ""
    """Which defaults are not the published ones, and why: a clause for people, empty where all are."""
    missing: Callable[[TrainedModel], str | None] = lambda model: None
    """What a model lacks of the preparation that training must leave, and how to make it, in sentences."""
    unfit: Callable[[TrainedModel], str | None] = lambda model: None
    """Why a model cannot be used for any other reason than its needs, in sentences."""
    apart: Callable[[TrainedModel, Sequence[int]], str | None] = lambda model, classes: None
    """Why a model's classes cannot be forgotten together, in sentences."""
    search: Mapping[str, Sequence[Any]] = field(default_factory=dict, hash=False)
    """Settings that are worth trying where the defaults do not carry over: values by field, every combination."""

    @property
    def origin(self) -> str:
        """Where the defaults come from, in words, with what departs from it."""
        return ORIGINS[self.defaults] + (f", but for {self.departs}" if self.departs else "")

    def obstacle(self, model: TrainedModel, classes: Sequence[int] = ()) -> str | None:
        """Return why this method cannot be used on a model, for these classes, in sentences; None when it can."""
        if "preparation" in self.needs and (lacking := self.missing(model)) is not None:
            return f"{self.title} needs what only training can leave behind. {lacking}"
        if "classifier head" in self.needs and model.anatomy.head is None:
            return f"{self.title} acts on the linear layer that makes the answers, and {_headless(model)}"
        return self.unfit(model) or self.apart(model, classes)


def _headless(model: TrainedModel) -> str:
    several = members_in(model.card.architecture)
    mean = "" if several is None else f"is the mean of {several[0]} networks, each with one of its own"
    return f"{model.name} {mean or 'does not end in one'}. Choose another method or model."


METHODS: Registry[Method] = Registry("method")


@dataclass(frozen=True, eq=False)
class Unlearned:
    """What a method returns: a network in evaluation mode, and what it cost.

    The network may share tensors that it left as they were with the model's: read it, never write to it.

    ``seconds`` by stage: statistics, edit, optimisation. What a method itself measures to choose an epoch or to stop
    is inside, the evaluation of its result never. ``samples`` counts images that
    were read, repeats included; ``forward`` and ``backward`` count passes of one image each.
    """

    network: nn.Module
    seconds: dict[Stage, float] = field(default_factory=dict)
    samples: int = 0
    forward: int = 0
    backward: int = 0
    notes: tuple[str, ...] = ()


def method(
    name: str,
    *,
    title: str,
    source: str,
    summary: str,
    request: type[MethodRequest],
    needs: set[Need],
    forgets: bool = True,
    control: bool = False,
    exact: bool = False,
    defaults: Defaults = "published",
    departs: str = "",
    missing: Callable[[TrainedModel], str | None] = lambda model: None,
    unfit: Callable[[TrainedModel], str | None] = lambda model: None,
    apart: Callable[[TrainedModel, Sequence[int]], str | None] = lambda model, classes: None,
    search: Mapping[str, Sequence[Any]] | None = None,
) -> Callable[[Callable[[Work], nn.Module]], Callable[[Work], nn.Module]]:
    """Register ``run(work) -> network`` as a method. Built-in and own methods come through this door alike.

    ``departs``: which defaults are not the published ones, and why. ``search``: values by field, every combination of
    which a search of better settings tries.
    """

    def register(run: Callable[[Work], nn.Module]) -> Callable[[Work], nn.Module]:
        needed = frozenset(needs)
        METHODS.add(name)(
            Method(
                name, title, source, summary, request, needed, run, forgets, control, exact, defaults, departs,
                missing, unfit, apart, search or {},
            )
        )  # fmt: skip
        return run

    return register


def unlearn(
    chosen: Method, model: TrainedModel, data: Dataset, request: MethodRequest, watch: Watch | None = None
) -> Unlearned:
    """Run a method. The model is never written to; the result is in evaluation mode, gradients off, hooks removed.

    Raises ``RequestError`` for classes that are not there or when none would be left, and for a model the method
    cannot be used on; ``CancelledError`` when ``watch`` says so.
    """
    check_classes(request.classes, data)
    obstacle = chosen.obstacle(model, request.classes)
    if obstacle is not None:
        raise RequestError(obstacle)
    work = Work(model, data, request, watch or Watch())
    with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []):
        torch.manual_seed(request.seed)
        network = chosen.run(work)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values()):
        raise RequestError(
            f"{chosen.title} came to weights that are not finite numbers: its steps were too large for this model. "
            "Choose a lower learning rate or other milder settings. The model is unchanged."
        )
    return Unlearned(
        network=network.eval().requires_grad_(False),
        seconds=dict(work.seconds),
        samples=work.samples,
        forward=work.forward_passes,
        backward=work.backward_passes,
        notes=tuple(work.notes),
    )


def check_classes(classes: Sequence[int], data: Dataset) -> None:
    """Raise ``RequestError`` for classes that are not there, or when none would be left."""
    unknown = [label for label in classes if not 0 <= label < len(data.classes)]
    if unknown:
        raise RequestError(f"There is no class {unknown[0]}; classes are 0 to {len(data.classes) - 1}.")
    if len(set(classes)) == len(data.classes):
        raise RequestError(f"All {len(data.classes)} classes cannot be forgotten: nothing would be left to keep.")
