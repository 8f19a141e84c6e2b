"""The embedded data set: Fashion-MNIST (Zalando Research, MIT licence), a balanced third of its training images."""

from pathlib import Path

import torch

from orthoui.data.catalog import dataset
from orthoui.data.imageset import Dataset, ImageSet, Split, balanced_positions
from orthoui.data.mosaic import read_mosaic, write_mosaic
from orthoui.errors import DatasetError
from orthoui.settings import assets_folder

CLASSES = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
SIDE = 28
PER_CLASS = 2_000
CALIBRATION_PER_CLASS = 200
IMAGES_MAGIC, LABELS_MAGIC = bytes([0, 0, 8, 3]), bytes([0, 0, 8, 1])


@dataset("fashion-mnist")
def fashion_mnist() -> Dataset:
    """Read the embedded mosaics: 18,000 training, 2,000 calibration and 10,000 test images."""
    folder = assets_folder() / "fashion_mnist"
    names: tuple[Split, ...] = ("train", "calibration", "test")
    splits = {name: read_mosaic(folder / f"{name}.png", SIDE, len(CLASSES)) for name in names}
    return Dataset(
        name="fashion-mnist",
        title="Fashion-MNIST",
        classes=CLASSES,
        splits=splits,
        source="embedded",
        padding=2,
    )


def embed(train: ImageSet, test: ImageSet, folder: Path, seed: int = 0) -> None:
    """Write the embedded mosaics from the full data set (60,000 and 10,000 grey 28×28 images).

    The seeded draw takes 2,000 training images per class and sets 200 of each aside for calibration.
    """
    drawn = balanced_positions(train.labels, PER_CLASS, seed).reshape(len(CLASSES), PER_CLASS)
    kept = train.subset(drawn[:, CALIBRATION_PER_CLASS:].flatten())
    calibration = train.subset(drawn[:, :CALIBRATION_PER_CLASS].flatten())
    folder.mkdir(parents=True, exist_ok=True)
    for name, images in (("train", kept), ("calibration", calibration), ("test", test)):
        write_mosaic(folder / f"{name}.png", images)


def read_idx(images: bytes, labels: bytes) -> ImageSet:
    """Parse the data set's own uncompressed IDX files: a 16-byte header before pixels, 8 before labels.

    Raises ``DatasetError`` when they are not 28×28 images with one label 0 … 9 each.
    """
    count = len(labels) - 8
    right = images[:4] == IMAGES_MAGIC and labels[:4] == LABELS_MAGIC
    if not right or count < 1 or len(images) - 16 != count * SIDE**2 or max(labels[8:]) >= len(CLASSES):
        raise DatasetError(f"These are not Fashion-MNIST's files: {SIDE}×{SIDE} images and as many labels, 0 to 9.")
    pixels = torch.frombuffer(bytearray(images[16:]), dtype=torch.uint8).reshape(-1, 1, SIDE, SIDE)
    return ImageSet(pixels, torch.frombuffer(bytearray(labels[8:]), dtype=torch.uint8).long())
