"""Small data sets on disk, made for tests: class folders, archives of them, and the public layouts."""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import zstandard
from PIL import Image

COLOURS = {"cat": (200, 40, 40), "dog": (40, 200, 40), "eel": (40, 40, 200)}


def picture(label: str, number: int = 0, size: tuple[int, int] = (32, 32), kind: str = "PNG") -> bytes:
    """A plain picture in the colour of its class, with its number in the first pixels."""
    image = Image.new("RGB", size, COLOURS.get(label, (120, 120, 120)))
    image.putpixel((0, 0), (number % 256, number // 256, 0))
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def class_files(train: int = 12, test: int = 4, classes: tuple[str, ...] = ("cat", "dog")) -> dict[str, bytes]:
    """``train/CLASS/NUMBER.png`` and ``test/CLASS/NUMBER.png``; ``CLASS/NUMBER.png`` when ``test`` is 0."""
    counts = {"train/": train, "test/": test} if test else {"": train}
    return {
        f"{split}{label}/{number:03d}.png": picture(label, number)
        for split, count in counts.items()
        for label in classes
        for number in range(count)
    }


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder and return it."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def packed(archive: Path, files: Mapping[str, bytes], more: Callable[[tarfile.TarFile], None] | None = None) -> Path:
    """Write files into a ``.tar.zst``; ``more`` may add members that no ordinary program writes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        if more is not None:
            more(tar)
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(zstandard.ZstdCompressor().compress(buffer.getvalue()))
    return archive


def cifar_records(labels: list[int], label_bytes: int, seed: int = 0) -> bytes:
    """A file of CIFAR's binary version; a coarse label before the fine one is 255 and belongs to nothing."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    marks = np.full((len(labels), label_bytes), 255, np.uint8)
    marks[:, -1] = labels
    return np.concatenate([marks, pixels], axis=1).tobytes()
