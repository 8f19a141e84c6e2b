"""Networks of timm: built without a download, refused when there is nothing to scale, else used like any other."""

import sys
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from orthoui.data import Dataset
from orthoui.errors import CheckpointError, RequestError, UnknownNameError
from orthoui.evaluation.gradcam import grad_cam
from orthoui.forgetting.activations import read_point
from orthoui.forgetting.application import pruned_network
from orthoui.forgetting.profiles import measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.forgetting.selection import make_plan
from orthoui.models.architectures import build
from orthoui.models.checkpoints import load_checkpoint, save_checkpoint
from orthoui.models.foreign import fitted
from orthoui.models.misfit import check_fit
from orthoui.models.timm_networks import timm_network
from tests.tiny import as_model, hook_count, make_uneven, same_tensors, state_of, tiny_card

SMALL = ("timm:test_resnet", "timm:mobilenetv3_small_050")


def network(name: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = build(name, 4, 64)
    make_uneven(made)
    return made.eval().requires_grad_(False)


@pytest.mark.parametrize("name", SMALL)
def test_a_checkpoint_of_a_timm_network_comes_back(tmp_path: Path, name: str) -> None:
    made, card = network(name), tiny_card(architecture=name, origin="imported", input_size=32)
    save_checkpoint(tmp_path / "a.safetensors", made, card)
    loaded, read = load_checkpoint(tmp_path / "a.safetensors")
    assert read == card and same_tensors(loaded, state_of(made))
    assert card.title == f"{name.removeprefix('timm:')} (timm), imported"
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(loaded(images), made(images))


@pytest.mark.parametrize("name", SMALL)
def test_forgetting_and_heatmaps_work_on_a_timm_network(data: Dataset, name: str) -> None:
    model = as_model(network(name), tiny_card(architecture=name, origin="imported", input_size=32, resized=True))
    before = state_of(model.network)
    profile = measure(model, data["train"], 5)
    plan = make_plan(profile, model.anatomy, ForgetRequest(classes=(1,), ratio=0.3, strength=0.9))
    pruned = pruned_network(model.network, model.anatomy, plan)
    inputs = model.prepare(data["test"].images[:4])
    assert inputs.shape == (4, 3, 32, 32)
    with torch.no_grad():
        assert not torch.allclose(pruned(inputs), model.network(inputs), rtol=1e-3)
    last = max(model.anatomy.layers, key=lambda layer: (layer.size > 1, layer.stage))
    maps = grad_cam(pruned, read_point(last, "bn"), inputs, (0, 1, 2, 3))
    assert maps.maps.shape == (4, 32, 32) and torch.isfinite(torch.from_numpy(maps.maps)).all()
    assert same_tensors(model.network, before) and hook_count(model.network) == 0


@pytest.mark.parametrize("name", ["timm:test_vit", "timm:test_convnext"])
def test_a_network_without_filters_to_scale_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match=rf"{name} is not a convolutional network: \d+ % of its weights"):
        timm_network(name, 4)


def test_a_network_that_normalises_its_filters_is_refused() -> None:
    with pytest.raises(RequestError, match=r"normalises its filters in every pass \(ScaledStdConv2d"):
        timm_network("timm:test_nfnet", 4)


def test_torchvisions_weights_fit_timms_network_of_the_same_name() -> None:
    theirs = torchvision.models.resnet18(num_classes=4).state_dict()
    expected = timm_network("timm:resnet18", 4).state_dict()
    check_fit("a.pt", fitted(theirs, expected), expected, "timm:resnet18", 4)


def test_an_unknown_name_suggests_similar_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"There is no timm model “resnet99”\. Choose one of: .*resnet"):
        timm_network("timm:resnet99", 4)
    with pytest.raises(UnknownNameError, match="Choose one of: resnet18, mobilenetv3_small_100"):
        timm_network("timm:zzzzzz", 4)
    save_checkpoint(tmp_path / "a.safetensors", nn.Linear(1, 1), tiny_card(architecture="timm:zzzzzz"))
    with pytest.raises(CheckpointError, match=r"a\.safetensors cannot be rebuilt\. There is no timm model “zzzzzz”"):
        load_checkpoint(tmp_path / "a.safetensors")


def test_without_the_library_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(RequestError, match=r"timm:resnet18 needs the library timm, which is not installed\. Install"):
        build("timm:resnet18", 4, 64)
