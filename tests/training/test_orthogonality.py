"""The penalty and the filter cosine against what can be derived on paper."""

import numpy as np
import pytest
import torch
from torch import nn

from orthoui.training.orthogonality import (
    filter_cosine,
    filter_cosines,
    layer_penalty,
    orthogonality_penalty,
    penalised_convolutions,
)
from tests.tiny import random_network

SHAPES = [(8, 4, 3, 3), (16, 16, 1, 1), (30, 2, 3, 3), (64, 3, 3, 3)]


def weight(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_orthonormal_filters_cost_only_what_their_number_makes_unavoidable(shape: tuple[int, ...]) -> None:
    out, d = shape[0], int(np.prod(shape[1:]))
    rows, columns = (out, d) if out <= d else (d, out)
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(columns, rows)))[0].T
    orthonormal = torch.from_numpy((basis if out <= d else basis.T).reshape(shape)).float()
    cost = float(layer_penalty(orthonormal))
    if out <= d:
        assert cost < 1e-8 * out
    else:
        assert cost == pytest.approx(out - d, abs=1e-4)
        assert float(layer_penalty(weight(shape))) > cost


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_is_the_one_on_paper(shape: tuple[int, ...]) -> None:
    parameter = (0.2 * weight(shape)).requires_grad_()
    layer_penalty(parameter).backward()  # type: ignore[no-untyped-call]
    rows = parameter.detach().flatten(1).double()
    expected = 4 * (rows @ rows.T - torch.eye(len(rows))) @ rows
    assert parameter.grad is not None
    torch.testing.assert_close(parameter.grad.flatten(1).double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_row_form_and_column_form_have_the_same_gradient_and_differ_by_a_constant(shape: tuple[int, ...]) -> None:
    by_rows, by_columns = ((0.2 * weight(shape)).requires_grad_() for _ in range(2))
    flat = by_columns.flatten(1)
    columns = (flat.T @ flat - torch.eye(flat.shape[1])).square().sum()
    rows = layer_penalty(by_rows)
    torch.autograd.backward([rows, columns])
    assert by_rows.grad is not None and by_columns.grad is not None
    torch.testing.assert_close(by_rows.grad, by_columns.grad, rtol=1e-4, atol=1e-4)
    assert float((rows - columns).detach()) == pytest.approx(shape[0] - flat.shape[1], abs=1e-2)


def test_the_penalty_is_computed_in_float32_whatever_the_weights_are_in() -> None:
    low = weight((8, 4, 3, 3)).bfloat16()
    assert layer_penalty(low).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=False):
        torch.testing.assert_close(layer_penalty(low), layer_penalty(low.float()))


def test_the_penalty_of_a_network_is_the_sum_over_the_chosen_convolutions() -> None:
    network = random_network("resnet50")
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert list(penalised_convolutions(network)) == convolutions
    assert list(penalised_convolutions(network, "no_stem")) == convolutions[1:]
    wide = [module for module in convolutions if module.kernel_size != (1, 1)]
    assert list(penalised_convolutions(network, "no_1x1")) == wide
    assert 1 < len(wide) < len(convolutions)
    total = sum(float(layer_penalty(module.weight)) for module in wide)
    assert float(orthogonality_penalty(network, "no_1x1")) == pytest.approx(total, rel=1e-5)


def test_filter_cosine_matches_a_reference_pair_by_pair() -> None:
    filters = weight((5, 2, 3, 3)).flatten(1).double().numpy()
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    cosines = [
        abs(filters[i] @ filters[j]) / (np.linalg.norm(filters[i]) * np.linalg.norm(filters[j])) for i, j in pairs
    ]
    assert filter_cosine(weight((5, 2, 3, 3))) == pytest.approx(np.mean(cosines), rel=1e-9)


def test_filter_cosine_does_not_depend_on_the_filters_lengths_and_spans_0_to_1() -> None:
    filters = weight((5, 2, 3, 3))
    lengths = torch.tensor([1, 20, 0.3, 5, 2]).view(-1, 1, 1, 1)
    assert filter_cosine(filters * lengths) == pytest.approx(filter_cosine(filters), rel=1e-6)
    assert filter_cosine(torch.eye(6).view(6, 6, 1, 1)) == 0
    assert filter_cosine(torch.ones(4, 1, 2, 2) * lengths[:4] * torch.tensor([1, -1, 1, 1]).view(-1, 1, 1, 1)) == (
        pytest.approx(1)
    )
    assert filter_cosine(torch.ones(1, 3, 3, 3)) == 0


def test_filter_cosines_name_every_convolution() -> None:
    network = random_network()
    found = filter_cosines(network)
    assert list(found) == [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    assert all(0 < value < 1 for value in found.values())
