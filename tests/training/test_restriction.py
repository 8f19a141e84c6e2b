"""The gradient restriction of IAU's training: the norms, their gradient, and a step of training with them."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orthoui.models.architectures import ARCHITECTURES
from orthoui.training import parallel
from orthoui.training.loop import Training
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe
from orthoui.training.restriction import gradient_norms
from orthoui.training.watching import StateFile
from tests.tiny import MEAN, STD, inputs, random_network, state_of, tiny_dataset, tiny_images

FABRIC = make_fabric(torch.device("cpu"), "64-true")
IMAGES = tiny_images(4, 5)


def twice_precise() -> nn.Module:
    """A network in training mode with gradients on, in double precision."""
    return random_network().double().train().requires_grad_(True)


def loss_of(network: nn.Module) -> Tensor:
    return F.cross_entropy(network(inputs(IMAGES).double()), IMAGES.labels)


def norms_of(network: nn.Module) -> Tensor:
    return gradient_norms(loss_of(network), network, FABRIC)


def test_it_is_the_sum_of_the_norms_of_all_tensors() -> None:
    network = twice_precise()
    loss_of(network).backward()
    expected = sum(float(part.grad.norm()) for part in network.parameters() if part.grad is not None)
    network.zero_grad()
    assert float(norms_of(network).detach()) == pytest.approx(expected, rel=1e-10)
    assert all(part.grad is None for part in network.parameters())  # nothing is left behind by looking


def test_its_gradient_is_the_slope_along_any_direction() -> None:
    network, size = twice_precise(), 1e-8  # so small that no unit goes on or off, where gradients jump
    generator = torch.Generator().manual_seed(0)
    along = [torch.randn(part.shape, generator=generator, dtype=part.dtype) for part in network.parameters()]
    slopes = torch.autograd.grad(norms_of(network), list(network.parameters()))
    expected = sum(float((slope * way).sum()) for slope, way in zip(slopes, along, strict=True))

    def moved(by: float) -> float:
        other = copy.deepcopy(network)
        with torch.no_grad():
            for part, way in zip(other.parameters(), along, strict=True):
                part.add_(by * way)
        return float(norms_of(other).detach())

    assert (moved(size) - moved(-size)) / (2 * size) == pytest.approx(expected, rel=1e-4)


def test_a_step_of_training_follows_the_loss_and_alpha_times_the_norms() -> None:
    recipe = Recipe(
        dataset="tiny", width=4, epochs=1, batch_size=120, learning_rate=0.02, momentum=0, weight_decay=0,
        crop_padding=0, flip=False, gradient_restriction=0.05,
    )  # fmt: skip
    data, fabric = tiny_dataset(), make_fabric(torch.device("cpu"), "64-true")
    one_step = Training(data, recipe, (MEAN, STD), fabric)
    before, twin = state_of(one_step.network), copy.deepcopy(one_step.network)
    rate = one_step._optimiser.param_groups[0]["lr"]
    done = one_step.run(StateFile()).state_dict()  # all images at once, so that their order does not count
    loss = F.cross_entropy(twin(inputs(data["train"]).double()), data["train"].labels)
    slopes = torch.autograd.grad(loss, list(twin.parameters()), create_graph=True)
    (loss + 0.05 * sum(slope.square().sum().sqrt() for slope in slopes)).backward()  # type: ignore[no-untyped-call]
    for name, part in twin.named_parameters():
        assert part.grad is not None
        torch.testing.assert_close(done[name].double(), before[name].double() - rate * part.grad.double())


def test_it_works_in_mixed_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(dataset="tiny", width=4, epochs=1, batch_size=120, learning_rate=0.01)

    def trained(dtype: torch.dtype, restriction: float = 0.05) -> Tensor:
        monkeypatch.setattr(parallel, "fast_dtype", lambda device: dtype)
        asked = recipe.model_copy(update={"gradient_restriction": restriction})
        training = Training(tiny_dataset(), asked, (MEAN, STD), make_fabric(torch.device("cpu")))
        return torch.cat([part.flatten() for part in training.run(StateFile()).parameters()])

    half, single, free = trained(torch.bfloat16), trained(torch.float32), trained(torch.float32, 0.0)
    assert half.dtype == torch.float32
    assert float((half - single).norm()) < 0.5 * float((single - free).norm())  # the restriction shows, and in both


@pytest.mark.parametrize("width", [4, 16])
def test_single_precision_agrees_with_double_in_the_layout_that_trainings_use(width: int) -> None:
    network = ARCHITECTURES["resnet18"](classes=4, width=width).train()

    def slope(dtype: torch.dtype) -> Tensor:
        made = copy.deepcopy(network).to(dtype).to(memory_format=torch.channels_last)
        shown = inputs(IMAGES).to(dtype).to(memory_format=torch.channels_last)
        norms = gradient_norms(F.cross_entropy(made(shown), IMAGES.labels), made, FABRIC)
        return torch.cat([part.flatten() for part in torch.autograd.grad(norms, list(made.parameters()))])

    single, double = slope(torch.float32).double(), slope(torch.float64)
    assert float((single - double).norm()) < 0.01 * float(double.norm())
