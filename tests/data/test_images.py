"""Image sets, mosaics, the embedded data set, and what a network sees."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from PIL import Image

from orthoui.data import DATASETS, SPLITS, Dataset, ImageSet, balanced_positions, load_dataset
from orthoui.data import fashion_mnist as module
from orthoui.data.mosaic import read_mosaic, write_mosaic
from orthoui.data.preprocessing import prepare
from orthoui.data.statistics import pixel_statistics
from orthoui.errors import DatasetError, UnknownNameError
from tests.tiny import tiny_images


def numbered(count: int, classes: int, side: int) -> ImageSet:
    """Every image is different: its number is written into its first pixels."""
    images = torch.zeros(count, 1, side, side, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.arange(count) % 256
    images[:, 0, 0, 1] = torch.arange(count) // 256
    return ImageSet(images, torch.arange(count) % classes)


def numbers(images: ImageSet) -> set[int]:
    return set((images.images[:, 0, 0, 0].int() + 256 * images.images[:, 0, 0, 1].int()).tolist())


def test_the_embedded_data_set_is_balanced_and_complete() -> None:
    data = load_dataset("fashion-mnist")
    assert load_dataset("fashion-mnist") is data
    sizes = {split: torch.bincount(data[split].labels).tolist() for split in data.splits}
    assert sizes == {"train": [1800] * 10, "calibration": [200] * 10, "test": [1000] * 10}
    assert {tuple(images.images.shape[1:]) for images in data.splits.values()} == {(1, 28, 28)}
    assert (data.input_size, len(data.classes), data.source) == (32, 10, "embedded")
    assert len({images.digest for images in data.splits.values()}) == 3


def test_embedding_keeps_calibration_training_and_test_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PER_CLASS", 30)
    monkeypatch.setattr(module, "CALIBRATION_PER_CLASS", 10)
    full, test = numbered(900, 10, 28), numbered(100, 10, 28)
    module.embed(full, test, tmp_path)
    train, calibration, kept = (
        read_mosaic(tmp_path / f"{name}.png", 28, 10) for name in ("train", "calibration", "test")
    )
    assert (len(train), len(calibration), len(kept)) == (200, 100, 100)
    assert not numbers(train) & numbers(calibration)
    assert numbers(kept) == set(range(100))
    for part in (train, calibration):
        for number, label in zip(part.images[:, 0, 0, :2].int(), part.labels, strict=True):
            assert (int(number[0]) + 256 * int(number[1])) % 10 == int(label)


def test_a_mosaic_returns_every_image_and_label(tmp_path: Path) -> None:
    images = tiny_images(50, 4)
    write_mosaic(tmp_path / "m.png", images)
    read = read_mosaic(tmp_path / "m.png", 16, 4)
    order = torch.argsort(images.labels, stable=True)
    assert torch.equal(read.images, images.images[order])
    assert torch.equal(read.labels, images.labels[order])


def test_a_mosaic_that_is_not_full_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="150 images do not fill whole rows"):
        write_mosaic(tmp_path / "m.png", numbered(150, 10, 8))


@pytest.mark.parametrize("change", ["missing", "text", "cut", "colour", "size"])
def test_a_damaged_mosaic_is_explained(tmp_path: Path, change: str) -> None:
    path = tmp_path / "m.png"
    write_mosaic(path, tiny_images(50, 4))
    if change == "missing":
        path.unlink()
    elif change == "text":
        path.write_text("not a picture")
    elif change == "cut":
        path.write_bytes(path.read_bytes()[:2000])
    else:
        Image.new("RGB" if change == "colour" else "L", (1600, 31)).save(path)
    with pytest.raises(DatasetError, match=r"m\.png"):
        read_mosaic(path, 16, 4)


@given(st.integers(0, 10**6), st.integers(0, 7))
@examples(max_examples=60)
def test_a_flipped_bit_in_a_mosaic_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    path = tmp_path_factory.mktemp("mosaic") / "m.png"
    write_mosaic(path, numbered(100, 4, 8))
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(bytes(content))
    try:
        assert read_mosaic(path, 8, 4).images.shape == (100, 1, 8, 8)
    except DatasetError as error:
        assert "m.png" in str(error)


def test_digests_name_pixels_labels_and_shape() -> None:
    images = tiny_images(5, 0)
    same = ImageSet(images.images.clone(), images.labels.clone())
    assert same.digest == images.digest
    pixel, label = images.images.clone(), images.labels.clone()
    pixel[3, 0, 2, 2] ^= 1
    label[0] = 3
    others = [
        ImageSet(pixel, images.labels),
        ImageSet(images.images, label),
        ImageSet(images.images.reshape(-1, 1, 8, 32), images.labels),
        images.subset(torch.arange(19)),
    ]
    assert len({images.digest, *(other.digest for other in others)}) == 5


def test_positions_of_a_class_are_exactly_its_images() -> None:
    images = tiny_images(5, 0)
    assert images.of_class(2).tolist() == [2, 6, 10, 14, 18]
    assert set(images.subset(images.of_class(2)).labels.tolist()) == {2}


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(1, 20), st.integers(0, 5))
def test_a_balanced_draw_takes_each_image_once_and_equally_many_of_each_class(
    labels: list[int], per_class: int, seed: int
) -> None:
    tensor = torch.tensor(labels)
    drawn = balanced_positions(tensor, per_class, seed)
    assert len(set(drawn.tolist())) == len(drawn)
    assert torch.equal(drawn, balanced_positions(tensor, per_class, seed))
    counts, there = (torch.bincount(part, minlength=5) for part in (tensor[drawn], tensor))
    assert torch.equal(counts, there.clamp(max=per_class))


@pytest.mark.parametrize(
    ("asked", "expected"), [([1], (1,)), (["3", "EAST"], (1, 3)), ([" north ", 0, "0"], (0,)), ([], ())]
)
def test_classes_are_found_by_name_or_number(
    data: Dataset, asked: list[str | int], expected: tuple[int, ...]
) -> None:
    assert data.class_indices(asked) == expected


@pytest.mark.parametrize("asked", ["4", "-1", "up", "", "²", "1.0"])
def test_an_unknown_class_names_the_ones_there_are(data: Dataset, asked: str) -> None:
    with pytest.raises(UnknownNameError) as raised:
        data.class_indices([asked])
    assert str(raised.value) == (
        f"There is no class “{asked}”. Choose one of: 0 (north), 1 (east), 2 (south), 3 (west)."
    )


def test_an_unknown_data_set_names_the_ones_there_are() -> None:
    assert "fashion-mnist" in DATASETS
    with pytest.raises(UnknownNameError, match=r"There is no data set “cifar”\. Choose one of: fashion-mnist"):
        load_dataset("cifar")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_preparing_pads_scales_and_normalises(channels: int, dtype: torch.dtype) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (3, channels, 6, 6), dtype=np.uint8)
    mean, std = (0.2, 0.4, 0.5)[:channels], (0.3, 0.25, 0.2)[:channels]
    found = prepare(torch.from_numpy(images), mean=mean, std=std, padding=2, dtype=dtype)
    padded = np.pad(images / 255, ((0, 0), (0, 0), (2, 2), (2, 2)))
    expected = (padded - np.array(mean).reshape(-1, 1, 1)) / np.array(std).reshape(-1, 1, 1)
    expected = np.broadcast_to(expected, (3, 3, 10, 10))
    assert found.dtype == dtype
    assert found.is_contiguous(memory_format=torch.channels_last)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-2
    np.testing.assert_allclose(found.float().numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("channels", "padding"), [(1, 2), (3, 0)])
def test_pixel_statistics_are_those_of_the_padded_pixels(channels: int, padding: int) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (1_203, channels, 6, 6), dtype=np.uint8)
    images[:, 0] //= 2
    labels = torch.zeros(len(images), dtype=torch.int64)
    sets = dict.fromkeys(SPLITS, ImageSet(torch.from_numpy(images), labels))
    data = Dataset("made", "Made", ("a", "b"), sets, "made", padding)
    padded = np.pad(images / 255, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    mean, std = pixel_statistics(data)
    np.testing.assert_allclose(mean, padded.mean((0, 2, 3)), atol=6e-5)
    np.testing.assert_allclose(std, padded.std((0, 2, 3)), atol=6e-5)


def test_preparing_without_padding_leaves_the_bytes_alone() -> None:
    images = tiny_images(1, 0).images
    before = images.clone()
    prepare(images, mean=(0.5,), std=(0.5,), padding=0)
    assert torch.equal(images, before)
