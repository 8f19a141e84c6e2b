"""Sharing copies: the original stays bit-identical, and copies used at once do not see each other."""

import threading
import time

import torch
from torch import nn

from orthoui.data import Dataset
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.profiles import measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.anatomy import hooked
from orthoui.models.sharing import sharing_copy, with_tensors
from orthoui.models.trained import TrainedModel
from tests.tiny import hook_count, inputs, same_tensors, state_of


def test_a_copy_has_modules_of_its_own_and_the_same_tensors(model: TrainedModel) -> None:
    twin = sharing_copy(model.network)
    pairs = list(zip(model.network.modules(), twin.modules(), strict=True))
    assert all(one is not other and type(one) is type(other) for one, other in pairs)
    for name, tensor in model.network.state_dict(keep_vars=True).items():
        assert twin.state_dict(keep_vars=True)[name] is tensor


def test_changing_a_copy_leaves_the_original_alone(model: TrainedModel) -> None:
    before = state_of(model.network)
    twin = with_tensors(model.network, {"conv1.weight": torch.zeros(4, 3, 3, 3), "bn1.running_mean": torch.ones(4)})
    twin.train()
    twin.get_submodule("layer1").add_module("extra", nn.Identity())
    twin.get_submodule("conv1").register_forward_hook(lambda *args: None)
    assert (twin.get_submodule("conv1").weight == 0).all()
    assert same_tensors(model.network, before)
    assert not model.network.training
    assert hook_count(model.network) == 0
    assert "extra" not in dict(model.network.get_submodule("layer1").named_children())


def test_hooks_are_not_copied_and_never_left_behind(model: TrainedModel) -> None:
    network = sharing_copy(model.network)
    with hooked(network, {"conv1": lambda *args: None}):
        assert hook_count(network) == 1
        assert hook_count(sharing_copy(network)) == 0
    assert hook_count(network) == 0
    try:
        with hooked(network, {"conv1": lambda *args: None, "fc": lambda *args: None}):
            raise KeyError
    except KeyError:
        assert hook_count(network) == 0


def test_a_module_used_twice_stays_one_module() -> None:
    shared = nn.Conv2d(3, 3, 1)
    twin = sharing_copy(nn.Sequential(shared, nn.ReLU(), shared))
    assert twin[0] is twin[2]
    assert twin[0] is not shared


def test_a_copy_takes_well_under_ten_milliseconds(model: TrainedModel) -> None:
    def seconds() -> float:
        started = time.perf_counter()
        sharing_copy(model.network)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(20)) < 0.01


def test_threads_that_apply_different_plans_at_once_get_their_own_results(model: TrainedModel, data: Dataset) -> None:
    images = inputs(data["test"])[:8]
    profile = measure(model, data["train"], 5)
    plans = [
        make_plan(profile, model.anatomy, ForgetRequest(classes=(label,), ratio=0.5, strength=1, target="bn"))
        for label in range(4)
    ]

    def apply(position: int) -> torch.Tensor:
        with torch.inference_mode():
            return pruned_network(model.network, model.anatomy, plans[position])(images)

    expected = [apply(position) for position in range(4)]
    assert all(not torch.allclose(expected[0], other, rtol=0.01) for other in expected[1:])
    barrier, wrong = threading.Barrier(4), []

    def work(position: int) -> None:
        for _ in range(10):
            barrier.wait()
            if not torch.allclose(apply(position), expected[position], rtol=1e-4, atol=1e-5):
                wrong.append(position)

    before = state_of(model.network)
    threads = [threading.Thread(target=work, args=(position,)) for position in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert same_tensors(model.network, before)
