"""Activation differences of a plan's channels, sorted into bins for a histogram."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orthoui.forgetting.plan import Plan

BINS = 60


@dataclass(frozen=True, eq=False)
class BinnedScores:
    """``edges`` (bins + 1,), and how many kept and pruned channels fall into each bin (bins,).

    ``cut`` is the lowest chosen score; None unless a single line divides the chosen from the rest.
    """

    edges: NDArray[np.float64]
    kept: NDArray[np.int64]
    pruned: NDArray[np.int64]
    cut: float | None


def binned_scores(plan: Plan, layer: str | None = None) -> BinnedScores:
    """Count the scores of all channels in scope, or of one layer, by what the plan does with them."""
    parts = [plan.layers[layer]] if layer else list(plan.layers.values())
    scores = np.concatenate([part.scores for part in parts])
    chosen = []
    for part in parts:
        mask = np.zeros(len(part.scores), dtype=bool)
        mask[part.channels[part.keep != 1]] = True
        chosen.append(mask)
    pruned = np.concatenate(chosen)
    low, high = float(scores.min()), float(scores.max())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    cut = parts[0].cut if len(parts) == 1 else None
    return BinnedScores(edges, np.histogram(scores[~pruned], edges)[0], np.histogram(scores[pruned], edges)[0], cut)
