"""Wrong labels for the images of a class, seeded."""

from collections.abc import Sequence

import torch
from torch import Tensor


def other_labels(count: int, classes: int, forget: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return ``count`` labels, int64, drawn evenly from the retained classes.

    No forgotten class is among them: a wrong label that is another forgotten class would teach what is to go.
    """
    retained = torch.tensor([label for label in range(classes) if label not in set(forget)])
    return retained[torch.randint(len(retained), (count,), generator=generator)]


def any_labels(count: int, classes: int, generator: torch.Generator) -> Tensor:
    """Return ``count`` labels, int64, drawn evenly from all classes, the true one among them, as some code does."""
    return torch.randint(classes, (count,), generator=generator)


def relabelled(labels: Tensor, classes: int, forget: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return ``labels`` (N,) with those of the forgotten classes drawn anew; the others are the same."""
    chosen = torch.isin(labels, torch.tensor(list(forget)))
    changed = labels.clone()
    changed[chosen] = other_labels(int(chosen.sum()), classes, forget, generator)
    return changed
