"""What a training reports while it runs, and to whom."""

import math
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from orthoui.errors import OrthoError
from orthoui.training.state import Epoch, State


class Moment(BaseModel):
    """A point of the curves inside an epoch, which can take minutes: loss and accuracy are means since it began."""

    model_config = ConfigDict(frozen=True)

    inside: float = Field(ge=0, le=1, description="share of the epoch that is done")
    loss: float
    accuracy: float = Field(description="while training, percent")
    cosine: float = Field(description="the filters' mean absolute cosine")


@dataclass(frozen=True)
class Step:
    """A training after ``step`` of ``steps`` steps in all; ``loss`` is the mean since the epoch began.

    ``share``: how much of the work is done, 0 … 1; steps on small images are less work. ``moment`` comes every
    few seconds.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    images_per_second: float
    share: float
    moment: Moment | None = None


class Watcher(Protocol):
    """Told how a training goes; may stop it by raising an error, and keeps its states."""

    def step(self, step: Step) -> None:
        """Called a few times a second."""

    def epoch(self, epoch: Epoch) -> None:
        """Called after every epoch."""

    def wants_state(self, *, epoch_ended: bool) -> bool:
        """Whether the state should be kept now."""
        ...

    def keep(self, state: State) -> bool:
        """Keep a state, so that the training can go on from it; return whether it is kept."""
        ...


def refuse_diverged(epoch: int, epochs: int, *measured: float) -> None:
    """Raise ``OrthoError`` for numbers that are not finite: nothing that such a training leaves could be used."""
    if not all(map(math.isfinite, measured)):
        raise OrthoError(
            f"The training diverged in epoch {epoch} of {epochs}: its loss is not a finite number any more. Train "
            "with a lower learning rate."
        )
