"""What first halves hand over: computed once for all networks that are cut alike."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.evaluation import runner
from orthoui.evaluation.handovers import Handovers
from orthoui.evaluation.predictions import PredictionMemo, Predictor, sampling_order
from orthoui.evaluation.variants import original, planned
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.plan import Plan
from orthoui.forgetting.profiles import load_or_measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.architectures import SmallImageResNet
from orthoui.models.halves import first_half
from orthoui.models.sharing import sharing_copy
from orthoui.models.trained import TrainedModel
from tests.tiny import as_model, tiny_model

pytestmark = pytest.mark.usefixtures("float32")


@pytest.fixture
def in_first_halves(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images went through a first half, each time."""
    counts: list[int] = []

    def counted(network: torch.nn.Module, cut: str, images: Tensor) -> Tensor:
        counts.append(len(images))
        return first_half(network, cut, images)

    monkeypatch.setattr(runner, "first_half", counted)
    return counts


def plan_of(model: TrainedModel, data: Dataset, scope: str, ratio: float = 0.3) -> Plan:
    request = ForgetRequest(classes=(1,), scope=scope, ratio=ratio, strength=1.0)
    return make_plan(load_or_measure(model, data, request).profile, model.anatomy, request)


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
@pytest.mark.parametrize("known_before", [True, False])
def test_networks_that_are_cut_alike_share_their_first_half(
    architecture: str, known_before: bool, data: Dataset, in_first_halves: list[int]
) -> None:
    model, images = tiny_model(architecture=architecture), data["test"]
    plans = [plan_of(model, data, "stage:4", ratio) for ratio in (0.3, 0.5)]
    cut = planned(model, plans[0]).cut
    assert cut is not None
    if known_before:
        assert original(model, cut).complete(images).shape == (len(images), 4)
        assert sum(in_first_halves) == len(images)
    for plan in plans:
        order = sampling_order(images.labels, plan.request.classes)
        *_, last = planned(model, plan).stream(images, order)
        whole = pruned_network(model.network, model.anatomy, plan)
        expected = Predictor(model, lambda whole=whole: whole, "whole", PredictionMemo(1)).complete(images)  # type: ignore[misc]
        np.testing.assert_allclose(last.logits, expected, rtol=1e-5, atol=1e-5)
        assert sum(in_first_halves) == len(images)


def test_a_plan_for_all_layers_shares_nothing(model: TrainedModel, data: Dataset, in_first_halves: list[int]) -> None:
    plan = plan_of(model, data, "all")
    assert planned(model, plan).cut is None
    planned(model, plan).complete(data["test"])
    assert in_first_halves == []


def test_a_network_that_is_no_chain_is_run_as_a_whole(
    model: TrainedModel, data: Dataset, in_first_halves: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    altered = planned(model, plan_of(model, data, "stage:4"))
    expected = without_cut(altered).complete(data["test"])
    monkeypatch.setattr(runner, "falls_in_halves", lambda *_: False)
    np.testing.assert_allclose(altered.complete(data["test"]), expected, rtol=1e-5, atol=1e-5)
    assert in_first_halves == []


class Skipping(SmallImageResNet):
    """Its first convolution is followed by something that no part of it says."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.flip(3)).flip(1)  # type: ignore[no-any-return]


def test_whether_it_is_a_chain_is_asked_of_the_network_that_nothing_was_pruned_in(
    model: TrainedModel, data: Dataset, in_first_halves: list[int]
) -> None:
    strange = sharing_copy(model.network)
    strange.__class__ = Skipping
    own = as_model(strange, model.card, "strange")
    silent, other = (planned(own, plan_of(own, data, "stage:4", ratio)) for ratio in (0.5, 0.3))

    def constant() -> nn.Module:
        network = sharing_copy(own.network)
        network._modules["fc"] = Constant()
        return network

    replace(silent, make=constant).complete(data["test"])
    expected = without_cut(other).complete(data["test"])
    np.testing.assert_allclose(other.complete(data["test"]), expected, rtol=1e-5, atol=1e-5)
    assert in_first_halves == []


class Constant(nn.Module):
    """Answers the same whatever it is shown."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.ones(len(features), 4)


def test_without_room_for_them_the_answers_are_the_same(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    altered = planned(model, plan_of(model, data, "stage:4"))
    expected = without_cut(altered).complete(data["test"])
    monkeypatch.setattr("orthoui.evaluation.handovers.torch.empty", full)
    np.testing.assert_allclose(altered.complete(data["test"]), expected, rtol=1e-5, atol=1e-5)


def without_cut(predictor: Predictor) -> Predictor:
    """The same network, run as a whole, and nothing remembered."""
    return replace(predictor, cut=None, memo=PredictionMemo(1))


def test_maps_of_other_models_images_and_cuts_are_never_taken(data: Dataset) -> None:
    for seed in (0, 5):
        own = tiny_model(seed=seed)
        for scope in ("stage:3", "stage:4"):
            altered = planned(own, plan_of(own, data, scope))
            for split in ("test", "calibration"):
                expected = without_cut(altered).complete(data[split])  # type: ignore[index]
                np.testing.assert_allclose(altered.complete(data[split]), expected, rtol=1e-5, atol=1e-5)  # type: ignore[index]


def computing(asked: list[list[int]]) -> Callable[[Tensor], Tensor]:
    def compute(positions: Tensor) -> Tensor:
        asked.append(positions.tolist())
        return positions.float().view(-1, 1, 1, 1).expand(-1, 25, 10, 1000).contiguous()  # 1 MB each

    return compute


def test_only_what_is_not_known_is_computed() -> None:
    asked: list[list[int]] = []
    kept = Handovers(10)
    for positions in ([4, 2], [2, 3, 4], [3, 2], []):
        maps = kept.get(("a",), 5, torch.tensor(positions, dtype=torch.int64), computing(asked))
        assert maps[:, 0, 0, 0].tolist() == positions
    assert asked == [[4, 2], [3]]


def test_the_least_recently_used_leave_first_and_what_is_too_large_is_not_kept() -> None:
    asked: list[list[int]] = []
    kept = Handovers(10)
    one = torch.tensor([0])
    for name, count in (("a", 5), ("b", 5), ("a", 5), ("c", 5), ("a", 5), ("huge", 11), ("huge", 11), ("c", 5)):
        kept.get((name,), count, one, computing(asked))
    assert len(asked) == 5  # a, b, c, and the huge one twice
    kept.get(("b",), 5, one, computing(asked))
    assert len(asked) == 6


def test_maps_keep_their_layout_in_memory() -> None:
    kept, asked = Handovers(10), torch.tensor([1, 0])
    made = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    kept.get(("a",), 2, asked, lambda _: made)
    again = kept.get(("a",), 2, asked, lambda _: made)
    assert torch.equal(again, made)
    assert again.is_contiguous(memory_format=torch.channels_last)
    flat = torch.randn(2, 7)
    assert torch.equal(kept.get(("flat",), 2, asked, lambda _: flat), flat)
