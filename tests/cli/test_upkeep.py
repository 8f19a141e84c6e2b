"""``orthoui recommend``, ``record`` and ``embed``: what makes the embedded default."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from orthoui.data import fashion_mnist, load_dataset
from orthoui.data.mosaic import read_mosaic
from orthoui.evaluation import presets
from orthoui.evaluation.records import recorded
from orthoui.models.zoo import zoo
from tests.cli.calling import answer, call, refusal


def test_recommend_writes_settings_that_forget_then_uses(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "RATIOS", (0.2, 0.5))
    monkeypatch.setattr(presets, "STRENGTHS", (1.0,))
    monkeypatch.setattr(presets, "SCORES", ("difference",))
    said = answer("recommend --model tiny")
    assert said["path"] == str(home / "presets" / "tiny.json")
    assert set(said["classes"]) == {"0", "1", "2"}
    used = answer("forget --model tiny --classes 1 --preset recommended --split calibration --no-membership")
    found = said["classes"]["1"]
    assert {name: used["request"][name] for name in found["setting"]} == found["setting"]
    assert used["after"]["forget_accuracy"] == pytest.approx(found["forget_accuracy"])


def test_recommend_shows_people_every_class(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, values in (("RATIOS", (0.5,)), ("STRENGTHS", (1.0,)), ("SCORES", ("margin",))):
        monkeypatch.setattr(presets, name, values)
    result = call(f"recommend --model tiny --out '{tmp_path}'")
    assert (tmp_path / "tiny.json").exists()
    assert "60 calibration images" in result.stdout
    assert all(name in result.stdout and name in result.stderr for name in ("stripe", "bar", "dark"))


def test_record_keeps_the_predictions(home: Path) -> None:
    said = answer("record --model tiny --split calibration")
    assert said["path"] == str(home / "records" / "tiny-calibration.safetensors")
    assert said["images"] == 60
    images = load_dataset("tiny")["calibration"]
    logits = recorded(zoo().get("tiny"), images)
    assert logits is not None and logits.shape == (60, 3)
    assert recorded(zoo().get("tiny"), load_dataset("tiny")["test"]) is None
    right = 100 * float(np.mean(logits.argmax(1) == images.labels.numpy()))
    assert right == pytest.approx(zoo().get("tiny").card.accuracy["calibration"], abs=2)


@pytest.mark.parametrize("command", ["recommend", "record"])
def test_an_unknown_model_is_explained(home: Path, command: str) -> None:
    assert "There is no model “none”. Choose one of: " in refusal(f"{command} --model none")


def test_an_unknown_split_is_explained(home: Path) -> None:
    assert "There is no split “night”" in refusal("record --model tiny --split night")


def test_embed_draws_the_same_pictures_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fashion_mnist, "PER_CLASS", 20)
    monkeypatch.setattr(fashion_mnist, "CALIBRATION_PER_CLASS", 10)
    write_published(tmp_path, train=30, test=10)
    said = answer(f"embed --source '{tmp_path}' --out '{tmp_path}/first'")
    assert set(said["size_mb"]) == {"train.png", "calibration.png", "test.png"}
    assert call(f"embed --source '{tmp_path}' --out '{tmp_path}/second'").exit_code == 0
    for name in said["size_mb"]:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    images = read_mosaic(tmp_path / "first" / "calibration.png", 28, 10)
    assert len(images) == 100
    assert (images.images.amax((1, 2, 3)) == images.labels).all()  # every image lies in its own class's band


def test_embed_refuses_other_files(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(f"embed --source '{tmp_path}' --out '{tmp_path}/out'")
    write_published(tmp_path, train=30, test=10)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 1, 3])))
    assert "These are not Fashion-MNIST's files" in refusal(f"embed --source '{tmp_path}' --out '{tmp_path}/out'")
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(b"\x1f\x8b cut off")
    assert "t10k-labels" in refusal(f"embed --source '{tmp_path}' --out '{tmp_path}/out'")


def write_published(folder: Path, **per_class: int) -> None:
    """Write files laid out as the published ones; every image of class c is flat grey of brightness c."""
    for part, count in (("train", per_class["train"]), ("t10k", per_class["test"])):
        labels = np.tile(np.arange(10, dtype=np.uint8), count)
        images = np.repeat(labels, 28 * 28)
        size = len(labels).to_bytes(4, "big")
        head = bytes([0, 0, 8, 3]) + size + (28).to_bytes(4, "big") * 2
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images.tobytes()))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(bytes([0, 0, 8, 1]) + size + labels.tobytes())
        )
