"""``orthoui models import``: from a file of someone else's to a model that a class is forgotten in."""

import json
from pathlib import Path

import pytest
import torch

from orthoui.models.kinship import UNKNOWN_TRAINING
from tests.cli.calling import answer, call, refusal
from tests.tiny import random_network

MODEL = "--architecture resnet18 --dataset tiny"


@pytest.fixture
def file(home: Path, tmp_path: Path) -> Path:
    """Weights of three classes, as a training program wrote them."""
    torch.save({"net": random_network(classes=3).state_dict()}, tmp_path / "theirs.pth")
    return tmp_path / "theirs.pth"


def test_an_imported_model_is_listed_and_forgotten_in(file: Path, home: Path) -> None:
    said = answer(f"models import '{file}' {MODEL}")
    assert (said["model"], said["origin"], said["width"]) == ("tiny-resnet18-theirs", "imported", 4)
    assert said["path"] == str(home / "models" / "tiny-resnet18-theirs.safetensors")
    assert set(said["accuracy"]) == {"train", "calibration", "test"}
    origins = {model["name"]: model["origin"] for model in answer("models")["models"]}
    assert origins["tiny-resnet18-theirs"] == "imported"
    assert origins["tiny"] == "trained here"
    assert origins["fashion-mnist-resnet18-w16-plain"] == "shipped"
    forgotten = call("forget --model tiny-resnet18-theirs --classes bar --no-membership --json")
    assert json.loads(forgotten.stdout)["model"] == "tiny-resnet18-theirs"
    assert forgotten.stderr.strip() == UNKNOWN_TRAINING


def test_people_see_what_was_imported(file: Path) -> None:
    shown = " ".join(call(f"models import '{file}' {MODEL} --name theirs --mean 0.5 --std 0.2").stdout.split())
    assert "theirs: ResNet-18, width 4, imported, 3 classes. Accuracy: " in shown and "% test." in shown
    assert "imported" in call("models").stdout


def test_images_that_are_not_here_leave_accuracy_open(home: Path, tmp_path: Path) -> None:
    torch.save(random_network(classes=10).state_dict(), tmp_path / "a.pt")
    line = f"models import '{tmp_path}/a.pt' --architecture resnet18 --dataset cifar10 --name a"
    assert "Accuracy: not measured, its images are not here." in call(line).stdout
    assert answer(f"{line} --force")["accuracy"] is None
    assert "orthoui datasets get cifar10" in refusal("forget --model a --classes 1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--width 8", "Likely cause: its width is 4, not 8."),
        ("--width wide", "Width cannot be “wide”: choose a number"),
        ("--input-size 4", "Input size cannot be 4: choose"),
        ("--mean 0.1,x", "--mean cannot be “0.1,x”: give one number, or three with commas"),
        ("--mean 125", "above 0 and of at most 1 (full brightness)"),
        ("--mean 0.1,0.2,0.3", "one value each, or three"),
        ("--std 0", "Std cannot be “[0.0]”: choose one number for all colours or three"),
        ("--name tiny", "There is already a model tiny"),
        ("--architecture timm:test_vit", "is not a convolutional network"),
        ("--dataset imaginary", "There is no data set “imaginary”"),
    ],
)
def test_what_cannot_be_imported_is_explained(file: Path, options: str, words: str) -> None:
    assert words in refusal(f"models import '{file}' {MODEL} {options}")


def test_a_full_disk_is_a_failed_run(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("orthoui.evaluation.importing.save_checkpoint", full)
    result = call(f"models import '{file}' {MODEL}")
    assert result.exit_code == 1 and "could not be written (No space left on device)" in result.stderr
