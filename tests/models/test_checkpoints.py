"""Checkpoints: what is written comes back; what is damaged, foreign or mislabelled is refused in words."""

import errno
import io
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from orthoui.errors import CheckpointError
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import METADATA_KEY, load_checkpoint, read_card, save_checkpoint, weights_digest
from tests.tiny import random_network, same_tensors, state_of, tiny_card


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound checkpoint of a tiny network."""
    path = tmp_path / "models" / "net.safetensors"
    save_checkpoint(path, random_network(), tiny_card())
    return path


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as raised:
        load_checkpoint(path)
    return str(raised.value)


def rewritten(path: Path, **changes: object) -> Path:
    """Write a checkpoint whose card has other fields, valid or not."""
    fields = {**json.loads(tiny_card().model_dump_json()), **changes}
    save_file(random_network().state_dict(), path, metadata={METADATA_KEY: json.dumps(fields)})
    return path


@pytest.mark.parametrize("architecture", ["resnet18", "vgg16"])
def test_round_trip_is_bit_identical(tmp_path: Path, architecture: str) -> None:
    network, card = random_network(architecture), tiny_card(architecture=architecture, recipe={"epochs": 3})
    save_checkpoint(tmp_path / "net.safetensors", network, card)
    loaded, read = load_checkpoint(tmp_path / "net.safetensors")
    assert read == card == read_card(tmp_path / "net.safetensors")
    assert same_tensors(loaded, state_of(network))
    assert weights_digest(loaded) == weights_digest(network)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_half_precision_rounds_weights_but_not_statistics(tmp_path: Path) -> None:
    network = random_network()
    save_checkpoint(tmp_path / "half.safetensors", network, tiny_card(), half=True)
    save_checkpoint(tmp_path / "full.safetensors", network, tiny_card())
    loaded, _ = load_checkpoint(tmp_path / "half.safetensors")
    trainable = {name for name, _ in network.named_parameters()}
    for name, tensor in network.state_dict().items():
        expected = tensor.half().float() if name in trainable else tensor
        assert torch.equal(loaded.state_dict()[name], expected)
        assert loaded.state_dict()[name].dtype == tensor.dtype
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.75 * sizes[1]


def test_channels_last_weights_have_the_same_digest(tmp_path: Path) -> None:
    network = random_network()
    assert weights_digest(network.to(memory_format=torch.channels_last)) == weights_digest(random_network())  # type: ignore[call-overload]
    assert weights_digest(random_network(seed=1)) != weights_digest(random_network())


@given(cut=st.floats(0, 0.999))
@examples(max_examples=25)
def test_a_truncated_file_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: float) -> None:
    path = tmp_path_factory.mktemp("cut") / "net.safetensors"
    save_checkpoint(path, random_network(), tiny_card())
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    sentence = refused(path)
    assert sentence.startswith("net.safetensors is damaged or not a safetensors file")
    assert "Copy it again or train the model anew." in sentence


@given(st.binary(max_size=400))
@examples(max_examples=60)
def test_random_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "net.safetensors"
    path.write_bytes(content)
    assert refused(path).startswith("net.safetensors ")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "damaged or not a safetensors file" in refused(tmp_path / "nothing.safetensors")


class Trap:
    """Unpickling it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_a_pickle_renamed_to_safetensors_is_refused_and_never_unpickled(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    plain, zipped = pickle.dumps(Trap(sprung)), io.BytesIO()
    torch.save({"weights": Trap(sprung)}, zipped)
    for content in (plain, zipped.getvalue()):
        path = tmp_path / "net.safetensors"
        path.write_bytes(content)
        assert "is damaged or not a safetensors file" in refused(path)
        assert not sprung.exists()
    pickle.loads(plain)  # noqa: S301  the trap works
    assert sprung.exists()


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_foreign_safetensors_are_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file(random_network().state_dict(), tmp_path / "net.safetensors", metadata=metadata)
    assert refused(tmp_path / "net.safetensors") == (
        "net.safetensors was not written by OrthoUI: it holds weights but no description of the model. "
        "Give it one with `orthoui models import`."
    )


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"width": "wide"}, "width"),
        ({"width": 2}, "width"),
        ({"classes": "abc"}, "classes"),
        ({"classes": ["one"]}, "classes"),
        ({"input_size": 10**9}, "input_size"),
        ({"orthogonality": -1}, "orthogonality"),
        ({"orthogonality": None}, "orthogonality"),
        ({"mean": []}, "mean"),
        ({"surprise": 1}, "surprise"),
        ({"accuracy": {"test": "good"}}, "accuracy.test"),
    ],
)
def test_a_card_with_wrong_types_is_refused_and_names_the_field(
    tmp_path: Path, changes: dict[str, object], where: str
) -> None:
    sentence = refused(rewritten(tmp_path / "net.safetensors", **changes))
    assert sentence.startswith(f"The description inside net.safetensors is invalid: {where}: ")


@pytest.mark.parametrize("card", ["", "{", "[]", "null", "7", '{"architecture": "resnet18"}'])
def test_a_card_that_is_no_description_is_refused(tmp_path: Path, card: str) -> None:
    save_file(random_network().state_dict(), tmp_path / "net.safetensors", metadata={METADATA_KEY: card})
    assert refused(tmp_path / "net.safetensors").startswith("The description inside net.safetensors is invalid: ")


def test_an_unknown_architecture_names_the_ones_there_are(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "net.safetensors", architecture="vit")
    assert read_card(path).architecture == "vit"
    assert refused(path) == (
        "net.safetensors cannot be rebuilt. There is no architecture “vit”. "
        "Choose one of: resnet18, resnet50, vgg16, vgg16_bn."
    )


def test_wrong_shapes_name_the_first_three_tensors(tmp_path: Path) -> None:
    assert refused(rewritten(tmp_path / "net.safetensors", width=8)) == (
        "net.safetensors says it is ResNet-18, width 8, orthogonal with 4 classes, but its weights differ: "
        "bn1.bias: (4,) in the file, (8,) expected; bn1.running_mean: (4,) in the file, (8,) expected; "
        "bn1.running_var: (4,) in the file, (8,) expected."
    )


def test_missing_and_additional_tensors_are_named(tmp_path: Path) -> None:
    tensors = random_network().state_dict()
    tensors["aaa.weight"] = torch.zeros(2)
    del tensors["fc.bias"]
    save_file(tensors, tmp_path / "net.safetensors", metadata={METADATA_KEY: tiny_card().model_dump_json()})
    sentence = refused(tmp_path / "net.safetensors")
    assert "aaa.weight: (2,) in the file, not part of the network expected" in sentence
    assert "fc.bias: missing in the file, (4,) expected" in sentence


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["fc.weight", "bn1.running_var"])
def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, name: str, value: float) -> None:
    network = random_network()
    network.state_dict()[name].flatten()[0] = value
    save_checkpoint(tmp_path / "net.safetensors", network, tiny_card())
    assert refused(tmp_path / "net.safetensors") == (
        "net.safetensors holds weights that are not finite numbers. Train the model anew."
    )


def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = path.read_bytes()
    opened = os.fdopen

    def nearly_full(handle: int, mode: str) -> object:
        file = opened(handle, mode)

        class Full:
            def __enter__(self) -> "Full":
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, content: bytes) -> None:
                file.write(content[:100])
                raise OSError(errno.ENOSPC, "No space left on device")

        return Full()

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", nearly_full)
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(path, random_network(seed=1), tiny_card())
    assert path.read_bytes() == old
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    save_checkpoint(path, random_network(seed=1), tiny_card())
    assert path.read_bytes() != old


def test_titles_say_what_a_person_wants_to_know() -> None:
    assert tiny_card().title == "ResNet-18, width 4, orthogonal"
    assert tiny_card(orthogonality=0.0, architecture="vgg16_bn").title == "VGG-16 (batch norm), width 4, plain"
    assert ModelCard.model_validate_json(tiny_card().model_dump_json()) == tiny_card()


def test_a_card_that_claims_a_huge_network_takes_no_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[torch.device] = []
    rewritten(path, width=512, architecture="resnet50")
    monkeypatch.setattr(nn.Conv2d, "reset_parameters", lambda layer: made.append(layer.weight.device))
    assert "its weights differ" in refused(path)
    assert {device.type for device in made} == {"meta"}


@pytest.mark.parametrize("changes", [{"std": [0.0]}, {"mean": [0.1, 0.2, 0.3]}, {"forgets": [9]}])
def test_a_card_that_cannot_be_computed_with_is_refused(path: Path, changes: dict[str, object]) -> None:
    assert "description inside net.safetensors is invalid" in refused(rewritten(path, **changes))
