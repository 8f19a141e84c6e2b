"""Which data sets lie in the data folder: looked for by name and first bytes, never read."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from orthoui.data.known import KNOWN
from orthoui.data.sources import FORMS, CifarSource, FolderSource, Source, TarSource, TinyImageNetSource
from orthoui.data.uploads import SUFFIXES
from orthoui.errors import DatasetError

ENDING = ".tar.zst"
TINY = ("tiny-imagenet-200.zip", "tiny-imagenet-200")
OFFICIAL = {*TINY, *(form.folder for forms in FORMS.values() for form in forms)}
LOOKED_AT = 2_000
"""Files after which a folder without a picture is taken for something else."""
MAGIC = {".zst": b"\x28\xb5\x2f\xfd", ".gz": b"\x1f\x8b", ".zip": b"PK"}


def find_sources(folder: Path) -> dict[str, Source]:
    """Return the sources in a data folder by name: class folders, archives of them, and the official downloads.

    Of several forms of the same data set, a folder is preferred to an archive and both to an official download; of
    several official ones, one that lacks nothing.
    Raises ``DatasetError`` when the folder may not be looked into.
    """
    try:
        sources = [*_official(folder), *_archives(folder), *_folders(folder)]
    except OSError as error:
        raise DatasetError(f"The data folder {folder} cannot be read ({error.strerror}).") from error
    return {source.name: source for source in sorted(sources, key=lambda source: source.name)}


def cheap_problem(source: Source) -> str | None:
    """Return what is wrong with a source by the names in its folder or its first bytes; None for nothing."""
    if source.lacks():
        return f"{source.path} lacks {source.lacks()}. Copy or download it again."
    expected = MAGIC.get(source.path.suffix)
    if expected is None or source.path.is_dir():
        return None
    try:
        with source.path.open("rb") as file:
            right = file.read(len(expected)) == expected
    except OSError as error:
        return f"{source.path} cannot be read ({error.strerror})."
    return None if right else f"{source.path} is not the archive its name says. Copy or download it again."


def _official(folder: Path) -> Iterator[Source]:
    """Yield official downloads, the preferred form of each data set last; a folder that lacks files is none."""
    yield from sorted(_in_official_places(folder), key=lambda source: not source.lacks())


def _in_official_places(folder: Path) -> Iterator[Source]:
    for name, forms in FORMS.items():
        for form in reversed(forms):
            for path in (folder / form.archive, folder / form.folder):
                if path.exists():
                    yield CifarSource(path, name, form, KNOWN[name].classes)
    for file in TINY:
        if (folder / file).exists():
            yield TinyImageNetSource(folder / file, "tinyimagenet")


def _archives(folder: Path) -> Iterator[Source]:
    for path in folder.glob(f"*{ENDING}"):
        name = path.name.removesuffix(ENDING)
        if path.is_file() and name and not name.startswith("."):
            yield TarSource(path, name)


def _folders(folder: Path) -> Iterator[Source]:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.name.startswith(".") and path.name not in OFFICIAL and _has_pictures(path):
            yield FolderSource(path, path.name)


def _has_pictures(folder: Path) -> bool:
    """Whether there is a picture in a folder inside this one."""
    files = (Path(below, name) for below, _, names in os.walk(folder) if below != str(folder) for name in names)
    return any(file.suffix.lower().lstrip(".") in SUFFIXES for file in islice(files, LOOKED_AT))
