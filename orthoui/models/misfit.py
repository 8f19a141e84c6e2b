"""Why weights do not fit a network: the likely cause in words, with what to do about it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from orthoui.errors import CheckpointError
from orthoui.models.architectures import ARCHITECTURES, TITLES
from orthoui.models.checkpoints import differences
from orthoui.models.timm_networks import is_timm

SHOWN = 3
STEMS = ("conv1.weight", "features.0.weight")
"""Names of the first convolution in the architectures here."""


def check_fit(
    file: str, found: Mapping[str, Tensor], expected: Mapping[str, Tensor], architecture: str, classes: int
) -> None:
    """Raise ``CheckpointError`` unless names and shapes agree: the first three that differ, and the likely cause."""
    differing = differences(found, expected)
    if not differing:
        return
    more = f" and {len(differing) - SHOWN:,} more" if len(differing) > SHOWN else ""
    cause = likely_cause(found, expected, architecture, classes)
    raise CheckpointError(
        f"The weights in {file} do not fit {TITLES.get(architecture, architecture)} with {classes:,} classes: "
        f"{'; '.join(differing[:SHOWN])}{more}. {cause}"
    )


def likely_cause(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], architecture: str, classes: int) -> str:
    """Return one sentence or two: what is probably the matter, and what to try."""
    stem = next((name for name in STEMS if name in found and name in expected), None)
    if stem and found[stem].ndim == 4 and found[stem].shape[-1] > expected[stem].shape[-1] == 3:
        side = found[stem].shape[-1]
        return (
            f"Likely cause: its first convolution is {side}×{side}, the stem for ImageNet; the networks here have a "
            f"3×3 stem for small images. Keep its own with --architecture timm:{architecture}."
        )
    if found.keys() != expected.keys():
        return _of_names(found, expected, architecture)
    if stem and found[stem].shape[0] != expected[stem].shape[0]:
        return (
            f"Likely cause: its width is {found[stem].shape[0]}, not {expected[stem].shape[0]}. "
            "Leave --width out, or give that one."
        )
    pairs = [(tuple(found[name].shape), tuple(expected[name].shape)) for name in found]
    differing = [(theirs, ours) for theirs, ours in pairs if theirs != ours]
    if all(ours == (classes, *theirs[1:]) for theirs, ours in differing):
        return (
            f"Likely cause: it tells {differing[0][0][0]:,} classes apart and the data set has {classes:,}. Choose "
            "the data set it was trained on with --dataset."
        )
    return "Likely cause: another variant of this architecture."


def _of_names(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], architecture: str) -> str:
    if twin := None if is_timm(architecture) else _same_names(found):
        return f"Likely cause: these are the tensors of {TITLES[twin]}. Try --architecture {twin}."
    heads = [name for name in found if name.startswith("classifier.") and name.endswith("weight")]
    if architecture.startswith("vgg") and len(heads) > 1:
        return (
            f"Likely cause: it ends in {len(heads)} linear layers, as ImageNet's VGG does; the one here averages "
            "over space and has one."
        )
    normed = [any(name.endswith("running_mean") for name in names) for names in (found, expected)]
    if normed == [False, True]:
        return "Likely cause: it was trained without batch norms, and this architecture has them."
    if normed == [True, False]:
        return "Likely cause: it was trained with batch norms, and this architecture has none."
    return "Likely cause: another architecture, or a part of one."


def _same_names(found: Mapping[str, Tensor]) -> str | None:
    """Return the architecture here that has exactly these names, if there is one."""
    for name in ARCHITECTURES:
        with torch.device("meta"):
            names = ARCHITECTURES[name](classes=2, width=64).state_dict().keys()
        if {name for name in names if not name.endswith("num_batches_tracked")} == {
            name for name in found if not name.endswith("num_batches_tracked")
        }:
            return name
    return None
