"""The result of one forgetting, growing while it is measured; every number with its interval, or None."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from orthoui.evaluation.accuracy import Accuracies
from orthoui.evaluation.distance import ReferenceDistance
from orthoui.evaluation.membership import MembershipResult
from orthoui.evaluation.variants import Variant
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.request import ForgetRequest
from orthoui.wording import joined


@dataclass(frozen=True, eq=False)
class Measured:
    """What one network does on the split. ``exact`` once every image of the split was seen."""

    accuracies: Accuracies
    confusion: NDArray[np.int64]
    """Images by true class (row) and predicted class (column), of the images seen so far."""
    exact: bool


@dataclass(frozen=True)
class Membership:
    """Both conventions of membership inference for one network; None where it cannot be measured."""

    convention_a: MembershipResult | None
    convention_b: MembershipResult | None


@dataclass(frozen=True, eq=False)
class Outcome:
    """One forgetting, measured as far as ``complete`` says. Times in milliseconds."""

    model: str
    dataset: str
    class_names: tuple[str, ...]
    request: ForgetRequest
    plan: Plan
    split: str
    device: str
    precision: str
    measured: dict[Variant, Measured]
    touched_parameters: int
    timings_ms: dict[str, float]
    reference: str | None
    """Name of the retrained reference; None when there is none for these classes."""
    membership: dict[Variant, Membership] = field(default_factory=dict)
    distances: dict[Variant, ReferenceDistance] = field(default_factory=dict)
    """Distance to the retrained reference; of a control that is an estimate, on the images that it has seen."""
    distance_floor: ReferenceDistance | None = None
    """Distance between two differently seeded references: what chance alone makes."""
    notices: tuple[str, ...] = ()
    complete: bool = False
    method: str | None = None
    """Title of the method that made “after”; None: soft pruning by ``plan``."""
    run: str | None = None
    """The run of that method in the ledger."""

    @property
    def forgotten(self) -> str:
        """Names of the forgotten classes, as one phrase."""
        return joined([self.class_names[label] for label in self.request.classes])

    @property
    def distance(self) -> ReferenceDistance | None:
        """Distance of the network “after” to the retrained reference; None where it is not measured."""
        return self.distances.get("after")

    @property
    def unchanged(self) -> bool:
        """Whether “after” is the network as it was: soft pruning that touches no channel."""
        return self.method is None and self.plan.touched_channels == 0

    @property
    def exact(self) -> bool:
        """Whether before and after were measured on the whole split."""
        return all(self.measured[name].exact for name in ("before", "after") if name in self.measured)
