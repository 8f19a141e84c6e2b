"""The fast form and low precision against float32."""

import numpy as np
import pytest
import torch
from torch import nn

from orthoui.data import Dataset, load_dataset
from orthoui.errors import DeviceError
from orthoui.evaluation import runner
from orthoui.evaluation.predictions import PredictionMemo, Predictor
from orthoui.models import device
from orthoui.models.anatomy import examine
from orthoui.models.fast import FullPrecisionHead, fast_copy, folded, folding_is_exact
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import zoo
from tests.tiny import inputs, make_uneven, random_network, same_tensors, state_of


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50", "vgg16", "vgg16_bn"])
def test_folding_batch_norms_leaves_the_logits_as_they_are(architecture: str, data: Dataset) -> None:
    network = random_network(architecture)
    before = state_of(network)
    images = torch.nn.functional.pad(inputs(data["test"])[:8], (6, 6, 6, 6))
    anatomy = examine(network, images)
    fast = fast_copy(network, anatomy, torch.float32)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    with torch.no_grad():
        expected = network(images)
        torch.testing.assert_close(fast(images), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert same_tensors(network, before)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("affine", [False, True])
def test_one_folded_convolution_equals_convolution_and_norm(bias: bool, affine: bool) -> None:
    convolution, norm = nn.Conv2d(3, 5, 3, bias=bias), nn.BatchNorm2d(5, affine=affine, eps=0.01).eval()
    if affine:
        make_uneven(norm)
    norm.running_mean, norm.running_var = torch.randn(5), torch.rand(5) + 0.5
    images = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(folded(convolution, norm)(images), norm(convolution(images)), rtol=1e-4, atol=1e-5)


def test_a_norm_without_running_statistics_is_not_folded() -> None:
    with pytest.raises(ValueError, match="without running statistics"):
        folded(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5, track_running_stats=False))


def test_a_convolution_whose_output_is_used_twice_is_noticed() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            maps = self.conv(images)
            logits: torch.Tensor = self.head((maps + self.norm(maps)).mean((2, 3)))
            return logits

    network, images = Twice().eval(), torch.randn(2, 3, 8, 8)
    make_uneven(network)
    anatomy = examine(network, images)
    assert not folding_is_exact(network, anatomy, images)
    with torch.no_grad():
        torch.testing.assert_close(fast_copy(network, anatomy, torch.float32, fold=False)(images), network(images))


def test_the_head_alone_keeps_full_precision() -> None:
    """Also when another layer's name begins with the head's."""

    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc_first, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.fc(self.fc_first(images).mean((2, 3)))
            return logits

    network, images = Named().eval(), torch.randn(2, 3, 8, 8)
    fast = fast_copy(network, examine(network, images), torch.bfloat16)
    assert isinstance(fast.fc, FullPrecisionHead)
    assert {name: tensor.dtype for name, tensor in fast.named_parameters()} == {
        "fc_first.weight": torch.bfloat16,
        "fc_first.bias": torch.bfloat16,
        "fc.head.weight": torch.float32,
        "fc.head.bias": torch.float32,
    }
    with torch.no_grad():
        assert fast(images.bfloat16()).dtype == torch.float32
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_bfloat16_agrees_with_float32_to_a_fifth_of_a_point_on_the_test_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shipped = zoo().get("fashion-mnist-resnet18-w16-orthogonal")
    images = load_dataset("fashion-mnist")["test"]
    assert len(images) == 10_000
    if device.fast_dtype(torch.device("cpu")) == torch.float32:  # bfloat16 is imitated here, many times slower
        images = images.subset(torch.arange(0, len(images), 4))
    accuracy = {}
    for dtype in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(runner, "fast_dtype", lambda device, dtype=dtype: dtype)
        logits = Predictor(shipped, lambda: shipped.network, "any", PredictionMemo(1)).complete(images)
        accuracy[dtype] = 100 * float(np.mean(logits.argmax(1) == images.labels.numpy()))
    assert accuracy[torch.float32] > 90
    assert abs(accuracy[torch.float32] - accuracy[torch.bfloat16]) <= 0.2


@pytest.mark.parametrize(
    ("avx512_bf16", "amx", "expected"),
    [(True, False, torch.bfloat16), (False, True, torch.bfloat16), (False, False, torch.float32)],
)
def test_low_precision_is_used_only_where_the_processor_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, avx512_bf16: bool, amx: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert device.fast_dtype.__wrapped__(torch.device("cpu")) == expected


def test_a_device_this_machine_lacks_is_explained() -> None:
    with pytest.raises(DeviceError) as raised:
        device.resolve_device("cuda:99")
    assert str(raised.value) == (
        "This machine has no device “cuda:99”. Set ORTHOUI_DEVICE to auto or cpu, or leave it unset."
    )
    assert device.resolve_device("cpu") == torch.device("cpu")


def test_the_tiny_model_of_these_tests_recognises_its_classes(model: TrainedModel, data: Dataset) -> None:
    with torch.no_grad():
        right = model.network(inputs(data["test"])).argmax(1) == data["test"].labels
    assert right.float().mean() > 0.8
