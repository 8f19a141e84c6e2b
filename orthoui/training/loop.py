"""Training from a recipe: seeded, low precision where the device is fast at it, resumable at every step."""

import math
import time
from typing import Any, cast

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.data.preprocessing import prepare
from orthoui.errors import CheckpointError
from orthoui.memory import keep_memory
from orthoui.models.architectures import build
from orthoui.models.device import synchronise
from orthoui.training.augmentation import augment, blanked, mirrored_first, padded, refuse_vanishing
from orthoui.training.beginning import steps_in_epoch
from orthoui.training.muon import convolutions_for_muon
from orthoui.training.optimiser import make_optimiser, one_cycle
from orthoui.training.orthogonality import filter_cosines
from orthoui.training.parallel import own_share, precision_of, share_statistics
from orthoui.training.penalties import PENALTIES, least_penalty, penalty_weight
from orthoui.training.recipe import Recipe
from orthoui.training.reports import Moment, Step, Watcher, refuse_diverged
from orthoui.training.restriction import plain_forward, restricted_backward
from orthoui.training.small_maps import quicken_small_maps
from orthoui.training.state import ANEW, Epoch, Numbers, Origin, State, origin_of, packed, plain, unpack

EVALUATION_BATCH = 500
MOST_ON_DEVICE = 8_000_000_000
"""Bytes of images that are kept on an accelerator; more stay in main memory."""
TOLD_EVERY = 0.2
"""Seconds between two reports of the steps."""
MOMENT_EVERY = 10.0
"""Seconds between two points of the curves inside an epoch."""

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]


class Training:
    """One training under way. ``run`` goes on from wherever it is."""

    def __init__(self, data: Dataset, recipe: Recipe, normalisation: Normalisation, fabric: Fabric) -> None:
        self.recipe = recipe
        self._fabric, self._data, self._normalisation = fabric, data, normalisation
        self._images = data["train"].without(recipe.forgets).on(fabric.device, MOST_ON_DEVICE)
        untrained = self._untrained()
        for_muon = convolutions_for_muon(untrained, data.input_size) if recipe.muon else ()
        self.network = share_statistics(untrained, fabric, twice=recipe.gradient_restriction > 0)
        if fabric.device.type == "cpu" and precision_of(fabric) == "bfloat16" and not recipe.gradient_restriction:
            quicken_small_maps(self.network)
        self._keep_norm = [self.network.get_parameter(f"{name}.weight") for name in for_muon]
        self._optimiser = make_optimiser(self.network, recipe, for_muon)
        self.steps_per_epoch = self._steps_in_epoch()
        self._schedule = self._made_schedule()
        self._running: Any
        self._running, self._steady = fabric.setup(self.network, self._optimiser)
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._mirrored_first = mirrored_first(len(self._images), recipe.seed)
        self._order = torch.empty(0, dtype=torch.int64)
        self._epoch = self._step = 0
        self._totals = torch.zeros(3, device=fabric.device)
        self._epoch_seconds = 0.0
        self._told, self._last_moment = 0.0, time.monotonic()
        self.seconds = 0.0
        self.history: tuple[Epoch, ...] = ()

    def _untrained(self) -> nn.Module:
        with torch.random.fork_rng():  # layers draw their first weights from the global generator
            torch.manual_seed(self.recipe.seed)
            network = build(self.recipe.architecture, len(self._data.classes), self.recipe.width)
        if self.recipe.small_crop:
            refuse_vanishing(network, self.recipe, self._data.input_size)
        return network.to(memory_format=torch.channels_last).train()

    def _steps_in_epoch(self) -> int:
        return steps_in_epoch(len(self._images), self.recipe.batch_size)

    def _made_schedule(self) -> torch.optim.lr_scheduler.OneCycleLR:
        return one_cycle(self._optimiser, self.recipe, self.steps_per_epoch)

    def _new_order(self) -> Tensor:
        return torch.randperm(len(self._images), generator=self._generator)

    @property
    def origin(self) -> Origin:
        """What decides the weights of this training."""
        fabric = self._fabric
        return origin_of(self.recipe, self._images.digest, fabric.device, fabric.world_size, precision_of(fabric))

    def run(self, watcher: Watcher) -> nn.Module:
        """Train to the end and return the network, in evaluation mode with gradients off.

        Raises ``OrthoError`` when the training diverges.
        """
        keep_memory()
        while self._epoch < self.recipe.epochs:
            if self._step == 0:
                self._order = self._new_order()
            while self._step < self.steps_per_epoch:
                started = time.perf_counter()
                self._advance()
                told = self._due() or self._step + 1 == self.steps_per_epoch
                if told:
                    synchronise(self._fabric.device)
                self._count(time.perf_counter() - started)
                if self._step < self.steps_per_epoch:
                    self._keep(watcher, epoch_ended=False)
                if told:
                    watcher.step(self._now())
            watcher.epoch(self._end_epoch())
            self._keep(watcher, epoch_ended=True)
        return self._plain_network()

    def _keep(self, watcher: Watcher, *, epoch_ended: bool) -> None:
        """Let the state be kept if it is wanted; of several processes the first keeps it for all."""
        if self._fabric.is_global_zero and watcher.wants_state(epoch_ended=epoch_ended):
            watcher.keep(self.state())

    def _batch(self) -> Tensor:
        """Return the positions of the images of the step to come."""
        return self._order[self._step * self.recipe.batch_size : (self._step + 1) * self.recipe.batch_size]

    def _advance(self) -> None:
        """Take one optimiser step on L = L_CE + λ·L_orth + α·Σ‖∇L_CE‖."""
        recipe, batch = self.recipe, self._batch()
        where, device = batch.to(self._images.images.device), self._fabric.device
        stored = self._images.images[where].to(device)
        # all processes draw the same batch and take their share, so that their number changes nothing
        inputs = self._inputs(padded(stored, self._data.padding), self._mirrored(batch))
        labels = own_share(self._images.labels[where].to(device), self._fabric)
        restricted = recipe.gradient_restriction > 0
        logits = plain_forward(self.network, inputs, self._fabric) if restricted else self._running(inputs)
        loss = F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        penalty, weight = loss.new_zeros(()), penalty_weight(recipe, self._share_done)
        if weight:
            penalty = PENALTIES[recipe.penalty](self.network, recipe, self._generator)
        self._steady.zero_grad(set_to_none=True)
        if restricted:
            restricted_backward(loss, weight * penalty, recipe, self.network, self._fabric)
        else:
            self._fabric.backward(loss + weight * penalty)
        self._steady.step()
        self._schedule.step()
        correct = (logits.detach().argmax(1) == labels).float().mean()
        self._totals += torch.stack([loss.detach(), penalty.detach(), correct])

    def _inputs(self, pixels: Tensor, mirrored: Tensor | None) -> Tensor:
        """Return this process's share of a stored batch (N, C, H, W) as the network is shown it."""
        recipe, device = self.recipe, pixels.device
        shown = augment(pixels, recipe, self._generator, crop=self._crop, mirrored=mirrored)
        inputs = self._normalised(own_share(shown, self._fabric))
        if recipe.cutout:
            count, _, height, width = shown.shape
            squares = blanked(count, height, width, recipe.cutout, self._generator)
            inputs = inputs.masked_fill(own_share(squares, self._fabric).to(device), 0.0)  # the mean colour
        return inputs

    def _mirrored(self, batch: Tensor) -> Tensor | None:
        """Return which images of a batch this epoch mirrors (N,) bool; None leaves it to chance."""
        if not self.recipe.alternate:
            return None
        return self._mirrored_first[batch] ^ bool(self._epoch % 2)

    def _normalised(self, pixels: Tensor) -> Tensor:
        mean, std = self._normalisation
        return prepare(pixels, mean=mean, std=std, padding=0, device=pixels.device)

    @property
    def _crop(self) -> int:
        """Side of the crops of this epoch, 0 for whole images. Convolutions learn from both; small ones are cheap."""
        return self.recipe.small_crop if self._epoch < self.recipe.small_share * self._all_epochs else 0

    @property
    def _all_epochs(self) -> int:
        """Epochs of the training that this one is, or is a stage of."""
        return self.recipe.epochs

    @property
    def _share_done(self) -> float:
        return (self._epoch + self._step / self.steps_per_epoch) / self._all_epochs

    def _count(self, seconds: float) -> None:
        self._step += 1
        self._epoch_seconds += seconds
        self.seconds += seconds

    def _due(self) -> bool:
        """Whether to tell the watcher: not after every step, because reading the loss waits for the device."""
        now = time.monotonic()
        if now - self._told < TOLD_EVERY:
            return False
        self._told = now
        return True

    def _now(self) -> Step:
        done = self._epoch * self.steps_per_epoch + self._step
        speed = self._step * self.recipe.batch_size / max(self._epoch_seconds, 1e-9)
        loss = float(self._totals[0]) / self._step
        refuse_diverged(self._epoch + 1, self.recipe.epochs, loss)
        steps = self.recipe.epochs * self.steps_per_epoch
        share = self._work(done) / self._work(steps)
        return Step(self._epoch + 1, self.recipe.epochs, done, steps, loss, speed, share, self._moment(loss))

    def _moment(self, loss: float) -> Moment | None:
        now, inside = time.monotonic(), self._step / self.steps_per_epoch
        if now - self._last_moment < MOMENT_EVERY or inside == 1:  # the end of the epoch is told apart
            return None
        self._last_moment = now
        cosines = filter_cosines(self.network)
        accuracy = 100 * float(self._totals[2]) / self._step
        return Moment(inside=inside, loss=loss, accuracy=accuracy, cosine=sum(cosines.values()) / len(cosines))

    def _work(self, steps: int) -> float:
        """Return what the first ``steps`` steps cost, in steps on whole images."""
        small = min(steps, math.ceil(self.recipe.small_share * self._all_epochs) * self.steps_per_epoch)
        saved = 1 - (self.recipe.small_crop / self._data.input_size) ** 2 if self.recipe.small_crop else 0.0
        return steps - small * saved

    def _end_epoch(self) -> Epoch:
        totals = self._fabric.all_reduce(self._totals, reduce_op="mean")
        loss, penalty, accuracy = (float(total) / self._step for total in cast(Tensor, totals))
        cosines = filter_cosines(self.network)
        refuse_diverged(self._epoch + 1, self.recipe.epochs, loss, penalty, *cosines.values())
        least = least_penalty(self.network, self.recipe, self._keep_norm) if self.recipe.orthogonality else 0.0
        epoch = Epoch(
            epoch=self._epoch + 1,
            epochs=self.recipe.epochs,
            loss=loss,
            penalty=max(0.0, penalty - least),  # rounding may end a little below
            least_penalty=least,
            accuracy=100 * accuracy,
            calibration=self._calibration_accuracy(),
            cosine=sum(cosines.values()) / len(cosines),
            cosines=cosines,
            seconds=self._epoch_seconds,
            images_per_second=self._step * self.recipe.batch_size / max(self._epoch_seconds, 1e-9),
        )
        self.history += (epoch,)
        self._epoch, self._step, self._epoch_seconds = self._epoch + 1, 0, 0.0
        self._totals.zero_()
        return epoch

    @torch.no_grad()
    def _calibration_accuracy(self) -> float:
        images = self._data["calibration"].without(self.recipe.forgets)
        self.network.eval()
        correct = 0
        for start in range(0, len(images), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            pixels = padded(images.images[part].to(self._fabric.device), self._data.padding)
            answers = self._running(self._normalised(pixels)).argmax(1)
            correct += int((answers.cpu() == images.labels[part]).sum())
        self.network.train()
        return 100 * correct / len(images)

    def state(self) -> State:
        """Return everything needed to go on from here."""
        extra = {"order": self._order, "generator": self._generator.get_state()}
        optimiser = self._optimiser.state_dict()
        numbers = Numbers(
            origin=self.origin,
            epoch=self._epoch,
            step=self._step,
            totals=(float(self._totals[0]), float(self._totals[1]), float(self._totals[2])),
            seconds=self.seconds,
            epoch_seconds=self._epoch_seconds,
            history=self.history,
            groups=optimiser["param_groups"],
            schedule=plain(self._schedule.state_dict()),
        )
        return State(numbers, packed(self.network, self._optimiser, **extra))

    def resume(self, state: State) -> list[str]:
        """Go on from a kept state; return why the weights will not be those of an unbroken run, if so.

        Raises ``CheckpointError`` for the state of another recipe or other images.
        """
        numbers, here = state.numbers, self.origin
        if not numbers.origin.same_training(here):
            raise CheckpointError(f"The saved state is of a training with another recipe or other images. {ANEW}")
        unpack(state, self.network, self._optimiser)
        self._schedule.load_state_dict(numbers.schedule)
        self._generator.set_state(state.tensors["generator"])
        self._order = state.tensors["order"]
        self._epoch, self._step = numbers.epoch, numbers.step
        self._totals = torch.tensor(numbers.totals, device=self._fabric.device)
        self.seconds, self._epoch_seconds = numbers.seconds, numbers.epoch_seconds
        self.history = numbers.history
        return numbers.origin.differences(here)

    def _plain_network(self) -> nn.Module:
        """Return the trained weights in a network without anything of the training left in it."""
        network = self._untrained()
        network.load_state_dict({name: tensor.cpu() for name, tensor in self.network.state_dict().items()})
        return network.to(self._fabric.device).eval().requires_grad_(False)
