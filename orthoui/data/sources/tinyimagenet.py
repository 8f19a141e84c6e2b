"""TinyImageNet as its site gives it: ``tiny-imagenet-200.zip``, or the folder that comes out of it."""

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

from orthoui.data.sources.folder import FolderSource
from orthoui.data.sources.found import Found, Source, names_in, refusal, unreadable

ANNOTATIONS = "val/val_annotations.txt"
WORDS = "words.txt"
DAMAGE = (OSError, EOFError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
"""What ``zipfile`` raises on damaged, encrypted or oddly compressed archives."""

Read = Callable[[str], bytes]


class TinyImageNetSource(Source):
    """The official layout: ``train/CLASS/images/*.JPEG``, and ``val/images`` with one list of their classes.

    The validation images are the test split; the official test images have no labels and are left alone.
    """

    def files(self, at_most: int | None = None) -> Iterator[Found]:  # noqa: ARG002  its size is known
        """Yield the labelled images as ``train/CLASS/FILE`` and ``test/CLASS/FILE``."""
        try:
            with self._opened() as (sizes, read):
                labels = dict(line.split("\t")[:2] for line in read(ANNOTATIONS).decode().splitlines())
                names = sorted(sizes)
                for place, name in enumerate(names):
                    path = _labelled(name, labels)
                    if path is not None:
                        problem = refusal(path, sizes[name])
                        share = (place + 1) / len(names)
                        yield Found(path, None, share, problem) if problem else _read(read, name, path, share)
        except (*DAMAGE, ValueError) as error:
            raise unreadable(self.path, error) from error

    def class_names(self) -> dict[str, str]:
        """Return the names of its own word list; without it, of the list beside it."""
        try:
            with self._opened() as (sizes, read):
                words = read(WORDS).decode(errors="replace") if WORDS in sizes else ""
        except DAMAGE as error:
            raise unreadable(self.path, error) from error
        return names_in(words) or super().class_names()

    def size(self) -> int:
        """Return the bytes of the archive, or of all files in the folder."""
        return self._folder().size() if self.path.is_dir() else super().size()

    def _folder(self) -> FolderSource:
        return FolderSource(self.path, self.name)

    def traits(self) -> list[str]:
        """Return those of the archive, or of everything the folder lists."""
        return self._folder().traits() if self.path.is_dir() else super().traits()

    def lacks(self) -> str:
        """Return the list of classes, where the folder is without it."""
        return ANNOTATIONS if self.path.is_dir() and not (self.path / ANNOTATIONS).exists() else ""

    @contextmanager
    def _opened(self) -> Iterator[tuple[dict[str, int], Read]]:
        """Yield the size of every file by its place below the top folder, and what reads one."""
        if self.path.is_dir():
            listed = self._folder().listing()
            yield {file.path: file.size for file in listed}, lambda name: (self.path / name).read_bytes()
            return
        with zipfile.ZipFile(self.path) as archive:
            inside = {_below_top(about.filename): about for about in archive.infolist() if not about.is_dir()}
            sizes = {name: about.file_size for name, about in inside.items()}
            yield sizes, lambda name: archive.read(inside[name])


def _below_top(name: str) -> str:
    return "/".join(PurePosixPath(name).parts[1:])


def _labelled(name: str, labels: dict[str, str]) -> str | None:
    parts: Sequence[str] = PurePosixPath(name).parts
    if len(parts) == 4 and (parts[0], parts[2]) == ("train", "images"):
        return f"train/{parts[1]}/{parts[3]}"
    if len(parts) == 3 and parts[:2] == ("val", "images"):
        return f"test/{labels[parts[2]]}/{parts[2]}" if parts[2] in labels else None
    return None


def _read(read: Read, name: str, path: str, share: float) -> Found:
    try:
        return Found(path, read(name), share)
    except DAMAGE as error:
        return Found(path, None, share, f"cannot be read ({error})")
