"""The mean of several networks as an architecture."""

import pytest
import torch

from orthoui.errors import RequestError
from orthoui.models.architectures import build
from orthoui.models.ensemble import MeanOf, mean_of, members_in
from tests.tiny import tiny_card


def test_the_logits_are_the_logarithm_of_the_weighted_mean_posterior() -> None:
    members = [torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)) for _ in range(3)]
    images = torch.randn(5, 3, 2, 2)
    expected = sum(w * member(images).softmax(1) for w, member in zip((0.5, 0.25, 0.25), members, strict=True))
    assert torch.allclose(MeanOf(members, (2, 1, 1))(images).exp(), expected, atol=1e-6)
    assert torch.allclose(MeanOf(members[:1])(images).softmax(1), members[0](images).softmax(1), atol=1e-6)


def test_it_is_built_by_name() -> None:
    assert members_in(mean_of(3, "resnet18")) == (3, "resnet18")
    assert members_in("resnet18") is None
    network = build("mean-of-2:vgg16", 4, 4)
    assert isinstance(network, MeanOf) and len(network.members) == 2
    assert tiny_card(architecture="mean-of-2:vgg16").title == "mean of 2 × VGG-16, width 4, orthogonal"


@pytest.mark.parametrize("name", ["mean-of-0:resnet18", "mean-of-65:resnet18", "mean-of-2:mean-of-2:resnet18"])
def test_numbers_that_cannot_be_are_refused_in_words(name: str) -> None:
    with pytest.raises(RequestError, match="the mean is of 1 to 64 single networks"):
        build(name, 4, 4)
