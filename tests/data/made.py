"""Small data sets on disk, made for tests: class folders, archives of them, the public layouts, and a bomb."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import zstandard
from PIL import Image

from orthoui.data.sources import FORMS

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


def binary_files(name: str, rows: int = 4) -> dict[str, bytes]:
    """A CIFAR's binary version with up to four images in every file; every file's first label is another one."""
    form = FORMS[name][0]
    return {
        f"{form.folder}/{file}": cifar_records([place % 10, 3, 9, 0][:rows], form.label_bytes, place)
        for place, file in enumerate((*form.train, *form.test))
    }


def gzipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a ``.tar.gz``."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def tiny_files() -> dict[str, bytes]:
    """TinyImageNet's layout with two classes: four images for training, two to validate and one of no list."""
    files = {f"train/n0{c}/images/n0{c}_{n}.JPEG": picture("cat", n, kind="JPEG") for c in (1, 2) for n in range(2)}
    files |= {f"val/images/val_{n}.JPEG": picture("dog", n, kind="JPEG") for n in range(3)}
    files["val/val_annotations.txt"] = b"val_0.JPEG\tn02\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\n"
    files["train/n01/n01_boxes.txt"] = b"n01_0.JPEG\t0\t0\t9\t9"
    files["test/images/test_0.JPEG"] = picture("eel", kind="JPEG")
    files["words.txt"] = b"n01\tgoldfish, Carassius auratus\nn02\ttailed frog\nn99\tentity\n"
    return {f"tiny-imagenet-200/{path}": content for path, content in files.items()}


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a ``.zip``."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def cifar_files() -> dict[str, bytes]:
    """CIFAR-10's binary layout with ten images of two classes in every batch."""
    form = FORMS["cifar10"][0]
    return {f"{form.folder}/{file}": bytes([0, *bytes(3072), 3, *bytes(3072)]) * 5 for file in form.train + form.test}


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes that claims, and would fill, side × side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    row = b"\0" * (side + 1)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(min(side, 200))) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
