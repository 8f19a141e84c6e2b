"""A plan: which channels are scaled, by how much, and why. Small, immutable, comparable."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from orthoui.forgetting.request import ForgetRequest, Target


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """What happens in one layer. ``channels`` (n,) by rank, ``keep`` (n,) the fraction kept of each."""

    channels: NDArray[np.int64]
    keep: NDArray[np.float64]
    scores: NDArray[np.float64]
    """Scores of all channels of the layer, (C_out,); what the histograms show."""
    cut: float | None
    """Lowest score that was still chosen; None where nothing was."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Layers in scope by name, and the request that made them."""

    request: ForgetRequest
    layers: Mapping[str, LayerPlan] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        """What is scaled in every layer."""
        return self.request.target

    @cached_property
    def digest(self) -> str:
        """Name of the effect, 16 hex digits: two requests that scale the same channels alike share it."""
        effect = {
            name: sorted(
                pair for pair in zip(layer.channels.tolist(), layer.keep.tolist(), strict=True) if pair[1] != 1
            )
            for name, layer in self.touched.items()
        }
        return hashlib.sha256(json.dumps([self.target, effect], sort_keys=True).encode()).hexdigest()[:16]

    @property
    def touched(self) -> Mapping[str, LayerPlan]:
        """The layers with at least one scaled channel."""
        return {name: layer for name, layer in self.layers.items() if (layer.keep != 1).any()}

    @property
    def touched_channels(self) -> int:
        """Number of channels that keep less than all of themselves."""
        return sum(int((layer.keep != 1).sum()) for layer in self.layers.values())

    @property
    def touched_layers(self) -> int:
        """Number of layers with at least one scaled channel."""
        return len(self.touched)

    def keep_of(self, layer: str, channel: int) -> float:
        """Return the fraction kept of one channel; 1 where the plan leaves it alone."""
        part = self.layers.get(layer)
        if part is None:
            return 1.0
        position = np.flatnonzero(part.channels == channel)
        return float(part.keep[position[0]]) if len(position) else 1.0
