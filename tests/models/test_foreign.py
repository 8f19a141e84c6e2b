"""Weights from elsewhere: found in whatever document they lie in, under whatever names, and never run."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from orthoui.errors import CheckpointError
from orthoui.models.architectures import ARCHITECTURES
from orthoui.models.foreign import fitted, read_weights
from orthoui.models.misfit import check_fit
from tests.tiny import random_network

State = dict[str, Tensor]


def state(architecture: str = "resnet18", width: int = 4, classes: int = 4) -> State:
    return dict(random_network(architecture, width, classes=classes).state_dict())


def same(found: State, expected: State) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


def refused(file: Path) -> str:
    with pytest.raises(CheckpointError) as raised:
        read_weights(file)
    return str(raised.value)


def prefixed(tensors: State, prefix: str) -> State:
    return {prefix + name: tensor for name, tensor in tensors.items()}


DOCUMENTS: dict[str, Callable[[State], object]] = {
    "bare": lambda tensors: tensors,
    "state_dict": lambda tensors: {"epoch": 3, "state_dict": tensors, "optimizer": {"lr": 0.1}},
    "model": lambda tensors: {"best": torch.tensor(0.9), "model": tensors},
    "net": lambda tensors: {"net": tensors, "acc": 93.1},
    "nested": lambda tensors: {"model": {"state_dict": tensors, "args": ["x"]}},
}


@pytest.mark.parametrize("kind", list(DOCUMENTS))
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt"])
def test_weights_are_found_in_every_usual_document(tmp_path: Path, kind: str, suffix: str) -> None:
    tensors = state()
    torch.save(DOCUMENTS[kind](tensors), tmp_path / f"a{suffix}")
    assert same(read_weights(tmp_path / f"a{suffix}"), tensors)


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "a.safetensors")
    assert same(read_weights(tmp_path / "a.safetensors"), state())


class Trap:
    """Unpickling it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("legacy", [True, False])
def test_a_file_that_would_run_something_is_refused_and_runs_nothing(tmp_path: Path, legacy: bool) -> None:
    sprung = tmp_path / "sprung"
    document = {"state_dict": state(), "hook": Trap(sprung)}
    torch.save(document, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    said = refused(tmp_path / "a.pt")
    assert said.startswith("a.pt cannot be read as weights.") and "can run code" in said
    assert "torch.save(model.state_dict(), 'weights.pth')" in said
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Trap(sprung)))
    assert "b.pth cannot be read as weights." in refused(tmp_path / "b.pth")
    assert not sprung.exists()


def test_a_whole_network_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "a.pt")
    assert "holds Python objects besides tensors" in refused(tmp_path / "a.pt")


@given(st.binary(max_size=300))
@examples(max_examples=40)
def test_random_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for name in ("a.pt", "a.safetensors"):
        (folder / name).write_bytes(content)
        assert refused(folder / name).startswith(name)


def test_files_without_weights_are_explained(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.pt") == f"There is no file {tmp_path / 'gone.pt'}."
    torch.save({"epoch": 3}, tmp_path / "a.pt")
    assert "a.pt holds no weights by name" in refused(tmp_path / "a.pt")
    torch.save(torch.zeros(3), tmp_path / "b.pt")
    assert "b.pt holds no weights by name" in refused(tmp_path / "b.pt")
    (tmp_path / "c.onnx").write_bytes(b"x")
    assert "c.onnx is no file of weights by its name: choose one that ends in .safetensors, .pt" in refused(
        tmp_path / "c.onnx"
    )


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod.", "net.module.", "backbone."]
)
def test_prefixes_of_wrappers_are_removed(prefix: str) -> None:
    assert same(fitted(prefixed(state(), prefix), state()), state())


def test_a_prefix_that_belongs_to_the_network_stays() -> None:
    expected = {"model.a": torch.zeros(2)}
    assert same(fitted({"module.model.a": torch.zeros(2)}, expected), expected)


def test_counters_come_and_go_and_half_precision_becomes_single() -> None:
    whole = state()
    bare = {name: tensor.half() for name, tensor in whole.items() if "num_batches" not in name}
    found = fitted({**bare, "total_ops": torch.zeros(1), "conv1.total_params": torch.zeros(1)}, whole)
    assert found.keys() == whole.keys()
    assert {tensor.dtype for name, tensor in found.items() if "num_batches" not in name} == {torch.float32}
    assert found["bn1.num_batches_tracked"].dtype == torch.int64
    plain = state("vgg16")
    assert same(fitted({**plain, "features.1.num_batches_tracked": torch.zeros(1)}, plain), plain)


def test_names_of_a_well_known_training_code_are_translated() -> None:
    whole = state()
    theirs = {
        name.replace("downsample", "shortcut").replace("fc.", "linear."): value for name, value in whole.items()
    }
    assert same(fitted(theirs, whole), whole)
    vgg = state("vgg16_bn")
    for head in ("classifier.0", "fc", "linear"):
        assert same(fitted({name.replace("classifier", head): value for name, value in vgg.items()}, vgg), vgg)


def misfit(found: State, architecture: str, width: int = 4, classes: int = 4) -> str:
    with torch.device("meta"):
        expected = ARCHITECTURES[architecture](classes=classes, width=width).state_dict()
    with pytest.raises(CheckpointError) as raised:
        check_fit("a.pt", fitted(found, expected), expected, architecture, classes)
    return str(raised.value)


def test_a_misfit_names_three_tensors_and_the_cause() -> None:
    assert misfit(state(classes=100), "resnet18") == (
        "The weights in a.pt do not fit ResNet-18 with 4 classes: fc.bias: (100,) in the file, (4,) expected; "
        "fc.weight: (100, 32) in the file, (4, 32) expected. Likely cause: it tells 100 classes apart and the data "
        "set has 4. Choose the data set it was trained on with --dataset."
    )
    said = misfit(state(width=8), "resnet18")
    assert "bn1.bias: (8,) in the file, (4,) expected; bn1.running_mean:" in said and " more. " in said
    assert said.count("expected") == 3
    assert said.endswith("Likely cause: its width is 8, not 4. Leave --width out, or give that one.")


def test_the_stem_for_large_images_is_recognised() -> None:
    tensors = {**state(), "conv1.weight": torch.zeros(4, 3, 7, 7)}
    said = misfit(tensors, "resnet18")
    assert "its first convolution is 7×7, the stem for ImageNet" in said
    assert said.endswith("--architecture timm:resnet18.")


@pytest.mark.parametrize(
    ("theirs", "asked", "title"),
    [
        ("vgg16_bn", "vgg16", "VGG-16 (batch norm)"),
        ("vgg16", "vgg16_bn", "VGG-16"),
        ("resnet50", "resnet18", "ResNet-50"),
    ],
)
def test_weights_of_another_architecture_are_recognised(theirs: str, asked: str, title: str) -> None:
    said = misfit(state(theirs), asked)
    assert said.endswith(f"Likely cause: these are the tensors of {title}. Try --architecture {theirs}.")


def test_other_misfits_are_described_as_well_as_can_be() -> None:
    without = {name: tensor for name, tensor in state().items() if "running" not in name}
    assert "it was trained without batch norms" in misfit(without, "resnet18")
    with_norms = {**state("vgg16"), "features.1.running_mean": torch.zeros(4)}
    assert "it was trained with batch norms" in misfit(with_norms, "vgg16")
    three = {name: value for name, value in state("vgg16").items() if "classifier" not in name}
    three |= {f"classifier.{place}.weight": torch.zeros(4, 4) for place in (0, 3, 6)}
    assert "it ends in 3 linear layers, as ImageNet's VGG does" in misfit(three, "vgg16")
    assert "another architecture, or a part of one" in misfit({"a": torch.zeros(1)}, "vgg16")
    odd = {**state(), "layer1.0.conv1.weight": torch.zeros(4, 4, 5, 5), "layer1.0.bn1.bias": torch.zeros(7)}
    assert misfit(odd, "resnet18").endswith("Likely cause: another variant of this architecture.")
