"""The reconstruction in the style of DFMU."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from orthoui.data import Dataset
from orthoui.methods import METHODS, unlearn
from orthoui.methods.dfmu_style import DfmuStyleRequest, gate_squares, multiplier, place, rescale
from orthoui.models.anatomy import hooked
from orthoui.models.trained import TrainedModel
from tests.methods.works import buffers_of, equal, work_on
from tests.tiny import as_model, hook_count, inputs, random_network, same_tensors, state_of, tiny_card

DFMU = METHODS["dfmu-style"]


def asked(**fields: object) -> DfmuStyleRequest:
    return DfmuStyleRequest.model_validate({"classes": (1,), "batch_size": 8, "threshold": 1, **fields})


@pytest.fixture(scope="module", params=["batch norms", "none"])
def any_model(request: pytest.FixtureRequest) -> TrainedModel:
    """A network with batch norms, and one whose convolutions have biases instead."""
    network = random_network()
    if request.param == "none":
        for name, module in list(network.named_modules()):
            owner, _, attribute = name.rpartition(".")
            if isinstance(module, torch.nn.BatchNorm2d):
                setattr(network.get_submodule(owner), attribute, torch.nn.Identity())
            elif isinstance(module, torch.nn.Conv2d):
                module.bias = torch.nn.Parameter(torch.linspace(-1, 1, module.out_channels), requires_grad=False)
    return as_model(network, tiny_card())


def test_an_infinite_threshold_without_repair_is_the_identity(model: TrainedModel, data: Dataset) -> None:
    request = asked(epochs=0).model_copy(update={"threshold": math.inf})
    assert same_tensors(unlearn(DFMU, model, data, request).network, state_of(model.network))


def test_gradients_of_the_gates_are_those_of_the_activations(any_model: TrainedModel, data: Dataset) -> None:
    work = work_on(any_model, data, asked())
    network, one = work.student(), work.forget.subset(torch.tensor([3]))
    found = gate_squares(work, network, one, 64)
    outputs: dict[str, Tensor] = {}

    def watch(name: str) -> object:
        def hook(module: torch.nn.Module, given: object, output: Tensor) -> Tensor:
            outputs[name] = output
            return output.clone()  # what follows may write in place

        return hook

    with hooked(network, {place(layer): watch(layer.name) for layer in any_model.anatomy.layers}):
        loss = F.cross_entropy(network(any_model.prepare(one.images)), one.labels)
        gradients = torch.autograd.grad(loss, list(outputs.values()))
    assert list(outputs) == list(found)
    for (name, output), gradient in zip(outputs.items(), gradients, strict=True):
        expected = (output * gradient).sum((2, 3)).square()
        torch.testing.assert_close(found[name], expected, rtol=1e-3, atol=1e-8)


def test_every_image_has_its_own_gradient(model: TrainedModel, data: Dataset) -> None:
    work = work_on(model, data, asked())
    network = work.student()
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))[:6]
    together = gate_squares(work, network, work.forget, 6)
    for row, position in enumerate(order):
        alone = gate_squares(work, network, work.forget.subset(position[None]), 1)
        for name, squares in alone.items():
            torch.testing.assert_close(together[name][row], squares[0], rtol=1e-3, atol=1e-8)
    assert hook_count(network) == 0
    assert all(part.grad is None for part in network.parameters())


def test_gates_sit_behind_the_batch_norm(any_model: TrainedModel) -> None:
    modules = dict(any_model.network.named_modules())
    for layer in any_model.anatomy.layers:
        kind = torch.nn.Conv2d if layer.norm is None else torch.nn.BatchNorm2d
        assert isinstance(modules[place(layer)], kind)


@given(seed=st.integers(0, 99), threshold=st.floats(0, 100), kept=st.floats(0, 100))
def test_no_multiplier_is_above_one_or_below_zero(seed: int, threshold: float, kept: float) -> None:
    of_class, of_rest = 10 ** (-12 * torch.rand(2, 50, generator=torch.Generator().manual_seed(seed)))
    of_class[:5], of_rest[::5] = 0, 0
    factors = multiplier(of_class, of_rest, threshold, kept)
    assert ((factors >= 0) & (factors <= 1)).all()
    assert (factors[of_class <= threshold * of_rest] == 1).all()


@pytest.mark.parametrize("training", [False, True])
def test_a_multiplier_scales_the_output_of_its_channel_exactly(
    any_model: TrainedModel, data: Dataset, training: bool
) -> None:
    layers, images = any_model.anatomy.layers, inputs(data["test"])
    first, seen = layers[0], []

    def watch(module: torch.nn.Module, given: object, output: Tensor) -> None:
        seen.append(output.detach().clone())

    factors = {layer.name: torch.ones(layer.channels) for layer in layers}
    factors[first.name][1] = 0.25
    before, after = (work_on(any_model, data, asked()).student().train(training) for _ in range(2))
    rescale(after, layers, factors)
    for network in (before, after):
        with hooked(network, {place(first): watch}):
            network(images)
    torch.testing.assert_close(seen[1], seen[0] * factors[first.name].view(-1, 1, 1), rtol=1e-4, atol=1e-5)


def test_a_share_of_no_image_is_no_repair(model: TrainedModel, data: Dataset) -> None:
    without, skipped = (
        unlearn(DFMU, model, data, asked(**fields)).network for fields in ({"repair_share": 0.0}, {"epochs": 0})
    )
    assert same_tensors(without, state_of(skipped))


def test_without_repair_buffers_stay_and_only_the_batch_norms_change(model: TrainedModel, data: Dataset) -> None:
    done = unlearn(DFMU, model, data, asked(epochs=0))
    assert equal(buffers_of(done.network), buffers_of(model.network))
    norms = {layer.norm for layer in model.anatomy.layers}
    before = dict(model.network.named_parameters())
    changed = {name for name, part in done.network.named_parameters() if not torch.equal(part, before[name])}
    assert changed and {name.rpartition(".")[0] for name in changed} <= norms


def test_few_images_are_read_and_the_spread_is_noted(model: TrainedModel, data: Dataset) -> None:
    done = unlearn(DFMU, model, data, asked(images=10, epochs=2))
    assert done.samples == 20 + 2 * round(0.13 * 90)
    assert "channels were scaled. Ratio of importances: median" in done.notes[0]
    assert "standard error" in done.notes[0]
    assert "reconstruction" in DFMU.title
