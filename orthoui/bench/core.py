"""The core's figures: planning, cold forgetting and evaluation, each against the bare network."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from orthoui.bench.clock import alternating, repeated
from orthoui.bench.rows import PLACES, Row, described, median
from orthoui.data import Dataset, ImageSet, balanced_positions
from orthoui.evaluation.predictions import CHUNK, PredictionMemo, Predictor, sampling_order
from orthoui.forgetting.activations import ActivationProfile
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.profiles import load_or_measure, measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.fast import fast_copy
from orthoui.models.trained import TrainedModel

PER_CLASS = 5
PLAN_GOALS_MS = {"cpu": 5.0, "cuda": 1.0}
COLD_GOAL = 1.5
EVALUATION_GOAL = 80.0


def plan_row(device: str) -> Row:
    """Return the empty row of planning and applying on a kind of device."""
    what = f"plan and apply, profile in memory, ResNet-18 of the paper's width, on {PLACES.get(device, device)}"
    return Row(what=what, unit="ms", goal=PLAN_GOALS_MS.get(device))


CACHED_ROW = Row(what="the same with the profile read from its cache on disk, as every request does", unit="ms")
COLD_ROW = Row(
    what="cold forgetting (profile of 5 images per class, plan, apply) against the bare forward pass of those images",
    unit="×",
    goal=COLD_GOAL,
)


def evaluation_row(title: str) -> Row:
    """Return the empty row of the evaluation's speed for one model."""
    what = f"evaluation against a bare, fused, best-layout forward loop, {title}"
    return Row(what=what, unit="%", goal=EVALUATION_GOAL, bound="at least")


def plan_and_apply(model: TrainedModel, images: ImageSet, repeats: int) -> Row:
    """Measure planning and applying with the profile in memory; every repeat is another request."""
    profile = measure(model, images, PER_CLASS)
    work = [_forgetting(model, request, lambda _: profile) for request in _requests(model, repeats)]
    return _milliseconds(plan_row(model.device.type), model, work)


def plan_from_cache(model: TrainedModel, data: Dataset, folder: Path, repeats: int) -> Row:
    """Measure the same with the profile read from its file in ``folder``."""
    work = [
        _forgetting(model, request, lambda request: load_or_measure(model, data, request, folder).profile)
        for request in _requests(model, repeats)
    ]
    return _milliseconds(CACHED_ROW, model, work)


def cold_forgetting(model: TrainedModel, images: ImageSet, repeats: int) -> Row:
    """Measure a forgetting that starts without a profile, in turn with the network alone on the same images."""
    chosen = images.subset(balanced_positions(images.labels, PER_CLASS, 0))
    inputs = _prepared(model, chosen.images, torch.float32)
    request = ForgetRequest(classes=(0,))

    @torch.inference_mode()
    def bare() -> None:
        model.network(inputs)

    cold = _forgetting(model, request, lambda _: measure(model, images, PER_CLASS))
    bare_seconds, cold_seconds = alternating(bare, cold, model.device, repeats)
    ratios = [slow / fast for slow, fast in zip(cold_seconds, bare_seconds, strict=True)]
    how = (
        f"{described(ratios, '×', 'pairs in turn')}; bare {1000 * median(bare_seconds):,.0f} ms, "
        f"cold {1000 * median(cold_seconds):,.0f} ms for {len(chosen)} images, float32 channels-last"
    )
    return COLD_ROW.measured(median(ratios), how)


def evaluation(model: TrainedModel, data: Dataset, count: int, title: str, repeats: int) -> Row:
    """Measure the evaluation of a pruned network on ``count`` test images, in turn with the bare loop.

    The bare loop runs the same network with batch norms folded, channels-last, in the faster of float32
    and bfloat16, over chunks of the same size that were prepared before.
    """
    images = data["test"].subset(balanced_positions(data["test"].labels, count // len(data.classes), 0))
    plan = make_plan(measure(model, data["train"], PER_CLASS), model.anatomy, ForgetRequest(classes=(0,)))
    order = sampling_order(images.labels, (0,))

    def whole() -> None:
        predictor = Predictor(
            model, lambda: pruned_network(model.network, model.anatomy, plan), plan.digest, PredictionMemo(1)
        )
        for _ in predictor.stream(images, order):
            pass

    bare, dtype = _fastest_loop(model, pruned_network(model.network, model.anatomy, plan), images)
    bare_seconds, whole_seconds = alternating(bare, whole, model.device, repeats)
    shares = [100 * fast / slow for slow, fast in zip(whole_seconds, bare_seconds, strict=True)]
    how = (
        f"{described(shares, '%', 'pairs in turn')}; {len(images):,} images, evaluation "
        f"{len(images) / median(whole_seconds):,.0f} images/s, bare {len(images) / median(bare_seconds):,.0f} "
        f"images/s in {str(dtype).removeprefix('torch.')}, chunks of {CHUNK:,}"
    )
    return evaluation_row(title).measured(median(shares), how)


def _milliseconds(row: Row, model: TrainedModel, work: list[Callable[[], object]]) -> Row:
    milliseconds = [1000 * seconds for seconds in repeated(work, model.device)]
    return row.measured(median(milliseconds), described(milliseconds, "ms", "different requests"))


def _requests(model: TrainedModel, count: int) -> list[ForgetRequest]:
    """Return requests that differ in class and ratio, at the embedded default's kind of setting."""
    classes = len(model.card.classes)
    return [ForgetRequest(classes=(i % classes,), ratio=0.05 + 0.01 * (i % 46)) for i in range(count)]


def _forgetting(
    model: TrainedModel, request: ForgetRequest, profile: Callable[[ForgetRequest], ActivationProfile]
) -> Callable[[], object]:
    def work() -> nn.Module:
        plan = make_plan(profile(request), model.anatomy, request)
        return pruned_network(model.network, model.anatomy, plan)

    return work


def _prepared(model: TrainedModel, images: Tensor, dtype: torch.dtype) -> Tensor:
    return model.prepare(images, dtype)


def _fastest_loop(
    model: TrainedModel, network: nn.Module, images: ImageSet
) -> tuple[Callable[[], None], torch.dtype]:
    """Return the bare loop in the precision whose first chunk is faster here, and that precision."""
    first = images.subset(torch.arange(min(CHUNK, len(images))))
    probes = {dtype: _loop(model, network, first, dtype) for dtype in (torch.float32, torch.bfloat16)}
    seconds = {dtype: min(repeated([probe] * 2, model.device)) for dtype, probe in probes.items()}
    best = min(seconds, key=lambda dtype: seconds[dtype])
    return _loop(model, network, images, best), best


def _loop(model: TrainedModel, network: nn.Module, images: ImageSet, dtype: torch.dtype) -> Callable[[], None]:
    fused = fast_copy(network, model.anatomy, dtype, fold=model.foldable)
    chunks = [_prepared(model, images.images[start : start + CHUNK], dtype) for start in range(0, len(images), CHUNK)]

    @torch.inference_mode()
    def loop() -> None:
        for chunk in chunks:
            fused(chunk)

    return loop
