"""Training that logs, class by class, how much the weights moved in the steps the class took part in.

Graves, Nagisetty and Ganesh, AAAI 2021 (arXiv 2010.10981): δ_s = θ_{s+1} − θ_s of weights and biases, never of the
batch norms' statistics. Only sums over steps are kept, one copy of the weights per class, because forgetting a class
subtracts all its steps at once.
"""

from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.training.loop import Normalisation, Training
from orthoui.training.recipe import Recipe
from orthoui.training.schemes.options import AmnesiacScheme
from orthoui.training.schemes.preparation import About, Preparation
from orthoui.training.state import Origin, State

LOG = "log.safetensors"
STEPS = "logged.steps"


class LoggedTraining(Training):
    """A training that sums the updates of every class while it goes."""

    def __init__(
        self, data: Dataset, recipe: Recipe, normalisation: Normalisation, fabric: Fabric, scheme: AmnesiacScheme
    ) -> None:
        self._batches = scheme.log_batches
        self._pure = scheme.log_batches == "pure"
        super().__init__(data, recipe, normalisation, fabric)
        self.logged = {
            f"{label}.{name}": torch.zeros_like(parameter)
            for label in range(len(data.classes))
            for name, parameter in self.network.named_parameters()
        }
        self.steps = torch.zeros(len(data.classes), dtype=torch.int64)
        """Steps that each class took part in (classes,)."""

    @property
    def origin(self) -> Origin:
        """What decides the weights and the log of this training."""
        return super().origin.model_copy(update={"logged": self._batches})

    def _steps_in_epoch(self) -> int:
        if not self._pure:
            return super()._steps_in_epoch()
        counts = torch.bincount(self._images.labels.cpu())
        return int((-(-counts // self.recipe.batch_size)).sum())

    def _new_order(self) -> Tensor:
        return self._pure_order() if self._pure else super()._new_order()

    def _pure_order(self) -> Tensor:
        """Return an order in which every batch is of one class; a class's last batch is filled from its first."""
        size, blocks = self.recipe.batch_size, []
        for label in torch.unique(self._images.labels).tolist():
            own = self._images.of_class(label).cpu()
            own = own[torch.randperm(len(own), generator=self._generator)]
            full = -(-len(own) // size) * size
            blocks.append(own.repeat(-(-full // len(own)))[:full].view(-1, size))
        batches = torch.cat(blocks)
        return batches[torch.randperm(len(batches), generator=self._generator)].flatten()

    def _advance(self) -> None:
        labels = torch.unique(self._images.labels[self._batch().to(self._images.labels.device)]).tolist()
        before = {name: parameter.detach().clone() for name, parameter in self.network.named_parameters()}
        super()._advance()
        self.steps[labels] += 1
        for name, parameter in self.network.named_parameters():
            moved = parameter.detach() - before[name]
            for label in labels:
                self.logged[f"{label}.{name}"] += moved

    def state(self) -> State:
        """Return everything needed to go on from here, the log too."""
        state = super().state()
        kept = {f"logged.{name}": part for name, part in self.logged.items()}
        return State(state.numbers, state.tensors | kept | {STEPS: self.steps})

    def resume(self, state: State) -> list[str]:
        """Go on from a kept state, the log too."""
        differences = super().resume(state)
        self.steps = state.tensors[STEPS].clone()
        for name, part in self.logged.items():
            part.copy_(state.tensors[f"logged.{name}"])
        return differences


def mixed_up(about: About, classes: Sequence[int]) -> str | None:
    """Say why several classes cannot be forgotten together: sums cannot tell which steps they shared; None if not."""
    pure = isinstance(about.scheme, AmnesiacScheme) and about.scheme.log_batches == "pure"
    logged = [label for label in classes if about.steps[label]]
    if pure or len(logged) < 2:
        return None
    return (
        f"{len(logged)} classes cannot be forgotten together: their images shared batches, and the log holds one "
        "sum per class. Forget one class, or train with `--scheme amnesiac --log-batches pure`."
    )


def updates_of(preparation: Preparation, classes: tuple[int, ...]) -> dict[str, Tensor]:
    """Return the sum of all updates that ``classes`` took part in, by parameter name; empty for an empty log.

    Raises ``RequestError`` for several classes whose steps overlap: sums cannot tell which were shared.
    """
    problem = mixed_up(preparation.about, classes)
    if problem is not None:
        raise RequestError(problem)
    logged = [label for label in classes if preparation.about.steps[label]]
    found = preparation.tensors(LOG) if logged else {}
    total: dict[str, Tensor] = {}
    for name, part in found.items():
        label, _, parameter = name.partition(".")
        if int(label) in logged:
            total[parameter] = total[parameter] + part if parameter in total else part
    return total
