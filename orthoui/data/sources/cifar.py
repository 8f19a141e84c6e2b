"""CIFAR-10 and CIFAR-100 in their authors' own files: the binary version, and the Python version without unpickling.

The binary version is what OrthoUI downloads: fixed records of labels and pixels, and nothing in them can run.
The Python version is what torchvision leaves behind (``cifar-10-batches-py``). Its files are pickles, and torchvision
reads them with ``pickle``. Here their tokens are listed with ``pickletools``, which executes nothing, and the labels
and the one block of pixels are picked out.
"""

import pickletools
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from orthoui.data.sources.found import Found, Pixels, Source, unreadable
from orthoui.errors import DamagedError

SIDE = 32
PIXELS = 3 * SIDE * SIDE
INTEGERS = ("BININT1", "BININT2", "BININT", "INT")
DAMAGE = (OSError, EOFError, ValueError, KeyError, IndexError, ArithmeticError, tarfile.TarError, zlib.error)


@dataclass(frozen=True)
class Form:
    """How one version of a CIFAR data set is stored."""

    folder: str
    archive: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    label_bytes: int
    """Bytes before the pixels of a record, the last of them the label; 0 for the Python version."""


_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
FORMS = {
    "cifar10": (
        Form("cifar-10-batches-bin", "cifar-10-binary.tar.gz", tuple(f"{b}.bin" for b in _BATCHES),
             ("test_batch.bin",), 1),
        Form("cifar-10-batches-py", "cifar-10-python.tar.gz", _BATCHES, ("test_batch",), 0),
    ),
    "cifar100": (
        Form("cifar-100-binary", "cifar-100-binary.tar.gz", ("train.bin",), ("test.bin",), 2),
        Form("cifar-100-python", "cifar-100-python.tar.gz", ("train",), ("test",), 0),
    ),
}  # fmt: skip
"""The forms of each data set, the preferred one first."""


class CifarSource(Source):
    """The images of a CIFAR data set from its archive, or from the folder that comes out of it."""

    def __init__(self, path: Path, name: str, form: Form, classes: tuple[str, ...]) -> None:
        super().__init__(path, name)
        self._form = form
        self._classes = classes

    def files(self, at_most: int | None = None) -> Iterator[Found]:  # noqa: ARG002  the size is known
        """Yield the images as ``SPLIT/CLASS/FILE-NUMBER``. Raises ``DatasetError`` for anything but CIFAR."""
        parts = [("train", file) for file in self._form.train] + [("test", file) for file in self._form.test]
        for place, (split, file) in enumerate(parts):
            try:
                with self._opened(file) as opened:
                    labels, pixels = self._parsed(opened.read())
            except DAMAGE as error:
                raise unreadable(self.path, error) from error
            for row, label in enumerate(labels.tolist()):
                share = (place + (row + 1) / len(labels)) / len(parts)
                yield Found(f"{split}/{self._classes[label]}/{file}-{row:05d}", pixels[row], share)

    def size(self) -> int:
        """Return the bytes of the archive, or of the files that are read."""
        return sum(path.stat().st_size for path in self._paths())

    def traits(self) -> list[str]:
        """Return names, sizes and dates of what is read."""
        try:
            return [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in self._paths()]
        except OSError as error:
            raise unreadable(self.path, error) from error

    def lacks(self) -> str:
        """Return the first file of the folder that is missing."""
        return next((path.name for path in self._paths() if not path.exists()), "")

    def _paths(self) -> list[Path]:
        if self.path.is_dir():
            return [self.path / file for file in (*self._form.train, *self._form.test)]
        return [self.path]

    @contextmanager
    def _opened(self, file: str) -> Iterator[IO[bytes]]:
        if self.path.is_dir():
            with (self.path / file).open("rb") as opened:
                yield opened
            return
        with tarfile.open(self.path, "r:gz") as archive:
            member = archive.extractfile(f"{self._form.folder}/{file}")
            if member is None:
                raise DamagedError(f"{self.path} holds no file {file}. Copy or download it again.")
            yield member

    def _parsed(self, content: bytes) -> tuple[Pixels, Pixels]:
        labels, pixels = (
            _records(content, self._form.label_bytes) if self._form.label_bytes else _tokens(content, self.name)
        )
        if len(labels) != len(pixels) or not len(labels) or int(labels.max()) >= len(self._classes):
            raise DamagedError(f"{self.path} does not hold the images of {self.name}. Copy or download it again.")
        return labels, pixels.reshape(-1, 3, SIDE, SIDE)


def _records(content: bytes, label_bytes: int) -> tuple[Pixels, Pixels]:
    """Read labels (n,) and pixels (n, 3072) of the binary version."""
    rows = np.frombuffer(content, dtype=np.uint8).reshape(-1, label_bytes + PIXELS)
    return rows[:, label_bytes - 1], rows[:, label_bytes:]


def _tokens(content: bytes, name: str) -> tuple[Pixels, Pixels]:
    """Read labels (n,) and pixels (n, 3072) of the Python version: a dictionary of lists and one array."""
    key = "fine_labels" if name == "cifar100" else "labels"
    labels: list[int] = []
    block, by_columns, last_flag, reading = "", False, False, False
    for opcode, argument, _ in pickletools.genops(content):
        if isinstance(argument, str | bytes):
            text = argument if isinstance(argument, str) else argument.decode("latin-1")
            reading = text == key
            if len(text) > len(block):
                block, by_columns = text, last_flag
        elif reading and opcode.name in INTEGERS and isinstance(argument, int):
            labels.append(argument)
        elif opcode.name in ("NEWTRUE", "NEWFALSE"):  # NumPy's flag for arrays stored column by column
            last_flag = opcode.name == "NEWTRUE"
    raw = np.frombuffer(block.encode("latin-1"), dtype=np.uint8)
    pixels = raw.reshape(PIXELS, -1).T if by_columns else raw.reshape(-1, PIXELS)
    return np.array(labels, dtype=np.uint8), pixels
