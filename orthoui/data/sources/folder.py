"""A folder of class folders."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orthoui.data.sources.found import Found, Source, is_hidden, refusal

DEEPEST = 6
"""Folders inside folders that are looked into."""


@dataclass(frozen=True)
class Listed:
    """A file as its folder lists it; ``problem`` says why it is not read."""

    path: str
    size: int
    mtime_ns: int
    problem: str


class FolderSource(Source):
    """Images under a folder, in any depth; nothing outside it is ever read."""

    def files(self, at_most: int | None = None) -> Iterator[Found]:
        """Yield the files by name."""
        listed = list(self.listing())
        step = max(1, len(listed) // at_most) if at_most else 1
        for place in range(0, len(listed), step):
            file = listed[place]
            share = (place + 1) / len(listed)
            yield Found(file.path, None, share, file.problem) if file.problem else self._read(file.path, share)

    def listing(self) -> Iterator[Listed]:
        """Yield what the folder lists, by name, without opening a file."""
        return _listing(self.path.resolve(), self.path.resolve(), "", 0)

    def size(self) -> int:
        """Return the bytes of all files that are read."""
        return sum(file.size for file in self.listing() if not file.problem)

    def traits(self) -> list[str]:
        """Return names, sizes and dates of all files."""
        return [f"{file.path} {file.size} {file.mtime_ns} {file.problem}" for file in self.listing()]

    def _read(self, path: str, share: float) -> Found:
        try:
            return Found(path, (self.path / path).read_bytes(), share)
        except OSError as error:
            return Found(path, None, share, f"cannot be read ({error.strerror})")


def _listing(root: Path, folder: Path, inside: str, depth: int) -> Iterator[Listed]:
    try:
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Listed(inside or ".", 0, 0, f"a folder that cannot be read ({error.strerror})")
        return
    if not ordered:
        yield Listed(inside or ".", 0, 0, "an empty folder")
    for entry in ordered:
        path = f"{inside}/{entry.name}" if inside else entry.name
        if entry.is_dir(follow_symlinks=False):
            if is_hidden(entry.name) or depth >= DEEPEST:
                yield Listed(path, 0, 0, "a hidden folder" if is_hidden(entry.name) else "a folder too deep inside")
            else:
                yield from _listing(root, Path(entry.path), path, depth + 1)
        else:
            yield _listed(root, entry, path)


def _listed(root: Path, entry: "os.DirEntry[str]", path: str) -> Listed:
    if entry.is_symlink():
        target = Path(os.path.realpath(entry.path))
        if not target.is_relative_to(root):
            return Listed(path, 0, 0, "a link that leaves the folder")
        if target.is_dir():
            return Listed(path, 0, 0, "a link to a folder")
    try:
        about = entry.stat()
    except OSError as error:
        return Listed(path, 0, 0, f"cannot be read ({error.strerror})")
    problem = refusal(path, about.st_size) if entry.is_file() else "not an ordinary file"
    return Listed(path, about.st_size, about.st_mtime_ns, problem)
