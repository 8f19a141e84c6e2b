"""Several networks that answer as one: the mean of their posteriors."""

import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from orthoui.errors import RequestError

MOST_MEMBERS = 64
NAME = re.compile(r"mean-of-(\d{1,6}):(.+)")


class MeanOf(nn.Module):
    """The weighted mean of the posteriors of its members, as logits: log Σ_s w_s·softmax(z_s).

    ``shares`` (members,) are the weights w, which sum to 1; equal unless given.
    """

    shares: Tensor

    def __init__(self, members: Sequence[nn.Module], shares: Sequence[float] | None = None) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        weights = torch.ones(len(members)) if shares is None else torch.tensor(shares, dtype=torch.float32)
        self.register_buffer("shares", weights / weights.sum())

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to log probabilities (N, classes), which serve as logits."""
        each = torch.stack([member(images).float().log_softmax(1) for member in self.members])  # (S, N, C)
        return (each + self.shares.float().log()[:, None, None]).logsumexp(0)


def mean_of(count: int, member: str) -> str:
    """Return the architecture's name of ``count`` networks of one kind."""
    return f"mean-of-{count}:{member}"


def members_in(name: str) -> tuple[int, str] | None:
    """Return number and kind of the members of an architecture, None when it is a single network.

    Raises ``RequestError`` for a number of members that cannot be.
    """
    found = NAME.fullmatch(name)
    if found is None:
        return None
    count, member = int(found[1]), found[2]
    if not 1 <= count <= MOST_MEMBERS or NAME.fullmatch(member):
        raise RequestError(f"“{name}” cannot be built: the mean is of 1 to {MOST_MEMBERS} single networks.")
    return count, member
