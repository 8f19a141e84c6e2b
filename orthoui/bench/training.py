"""How fast ``orthoui train`` trains, against what the device can do at most."""

import time
from collections.abc import Callable, Iterator

import torch
from lightning_fabric import Fabric

from orthoui.bench.peak import Peak, convolution_peak, forward_flops
from orthoui.bench.promises import DEVICES, KINDS, training_row
from orthoui.bench.rows import NO_GPU, Row, described, median
from orthoui.bench.sizes import Sizes
from orthoui.bench.subjects import SIDE, made_up_data
from orthoui.data import Dataset
from orthoui.data.known import CIFAR10
from orthoui.models.device import fast_dtype, synchronise
from orthoui.training.loop import Normalisation, Training
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe, recipe_named
from orthoui.training.watching import StateFile

BLOCK = 5
"""Steps between two readings of the clock: reading it waits for the device."""
PASSES = 3
"""A backward pass counts as two forward passes, as is usual."""
RECIPE = "cifar10-resnet18"
NORMALISATION: Normalisation = ((0.5,), (0.29,))
"""Mean and spread of made-up pixels."""


class Blocks(StateFile):
    """A watcher that reads the clock after every ``BLOCK`` steps of a training; keeps no states."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device
        self._steps = 0
        self._moments: list[float] = []

    def wants_state(self, *, epoch_ended: bool) -> bool:
        """Asked after every step but an epoch's last, which is when the clock is read."""
        if not epoch_ended:
            self._steps += 1
            if self._steps % BLOCK == 0:
                synchronise(self._device)
                self._moments.append(time.perf_counter())
        return False

    @property
    def seconds(self) -> list[float]:
        """Seconds per step of every block but the first, which warms up."""
        return [(end - start) / BLOCK for start, end in zip(self._moments, self._moments[1:], strict=False)]


def images_for(blocks: int, batch: int) -> int:
    """Return the training images that one epoch of so many timed blocks takes."""
    return batch * (BLOCK * (blocks + 1) + 1)


def step_seconds(data: Dataset, recipe: Recipe, normalisation: Normalisation, fabric: Fabric) -> list[float]:
    """Train for one epoch as ``orthoui train`` does; return the seconds per step of every timed block."""
    clock = Blocks(fabric.device)
    Training(data, recipe.model_copy(update={"epochs": 1}), normalisation, fabric).run(clock)
    return clock.seconds


def paper_recipe(sizes: Sizes, orthogonality: float = 0.0) -> Recipe:
    """Return the recipe of the paper's network, as it is shipped."""
    changes = {"width": sizes.width, "batch_size": sizes.training_batch, "orthogonality": orthogonality}
    return recipe_named(RECIPE).model_copy(update=changes)


def made_up_steps(recipe: Recipe, fabric: Fabric, blocks: int, crop: int = 0) -> list[float]:
    """Return the seconds per step on made-up images of CIFAR-10's size: whole ones, or crops of ``crop`` pixels."""
    shown = {"small_crop": crop, "small_share": 0.5}  # of a single epoch: all of it
    data = made_up_data(images_for(blocks, recipe.batch_size))
    return step_seconds(data, recipe.model_copy(update=shown), NORMALISATION, fabric)


def training_rows(sizes: Sizes, progress: Callable[[str], None]) -> Iterator[Row]:
    """Measure training on the processor, and on a GPU where there is one."""
    for device in DEVICES:
        if device == "cuda" and not torch.cuda.is_available():
            yield from (training_row(kind, device).missing(NO_GPU) for kind in KINDS)
        else:
            yield from _throughput(torch.device(device), sizes, progress)


def _throughput(device: torch.device, sizes: Sizes, progress: Callable[[str], None]) -> Iterator[Row]:
    progress(f"the convolution peak of {device}")
    peak, fabric = convolution_peak(device), make_fabric(device)
    for kind, weight in KINDS.items():
        progress(f"training on {device}, {kind}")
        recipe = paper_recipe(sizes, weight)
        seconds = made_up_steps(recipe, fabric, sizes.training_blocks)
        forward = forward_flops(recipe.architecture, len(CIFAR10), recipe.width, SIDE)
        flops = PASSES * recipe.batch_size * forward
        yield share_of_peak(training_row(kind, device.type), seconds, flops, recipe, peak, fast_dtype(device))


def share_of_peak(
    row: Row, seconds: list[float], flops: int, recipe: Recipe, peak: Peak, precision: torch.dtype
) -> Row:
    """Turn the seconds of steps that take ``flops`` operations each into their share of the peak, percent."""
    shares = [100 * flops / spent / peak.rate for spent in seconds]
    how = (
        f"{described(shares, '%', f'blocks of {BLOCK} steps')}; {1000 * median(seconds):,.0f} ms per step of "
        f"{recipe.batch_size} images, λ = {recipe.orthogonality:g}, {flops / median(seconds) / 1e9:,.0f} GFLOP/s "
        f"({flops / 1e9:,.0f} GFLOP per step: {PASSES} × the forward pass's convolutions and linear layer); peak "
        f"{peak.rate / 1e9:,.0f} GFLOP/s in {str(precision).removeprefix('torch.')} ({peak.convolution.words})"
    )
    return row.measured(median(shares), how)
