"""Decoded data sets on disk: made once, whole or not at all, and checked cheaply ever after.

A data set lies in ``images/NAME/FINGERPRINT``: one array per split, ``about.json``, and ``names.json`` with the file
behind every image. The folder is made under a temporary name and renamed, so that a process that is killed leaves
nothing half. A lock lets one process decode while others wait.
"""

import errno
import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orthoui.data.arrays import ArrayFile, map_array, write_array
from orthoui.data.imageset import SPLITS, ImageSet, Split
from orthoui.data.layout import arrange
from orthoui.data.pictures import Pool, Report, fill, fitting_side, silent
from orthoui.data.sources import Source
from orthoui.data.splitting import SEED, Drawn, draw
from orthoui.errors import DatasetError
from orthoui.files import write_atomically
from orthoui.settings import settings

VERSION = 1
"""To be raised when images would be decoded otherwise, or all be drawn otherwise.

Drawing test images by their names did not raise it: it leaves other data sets as they were, and models that were
trained on images drawn before keep their test images until files come or go, which changed them before as well.
"""
ABOUT, NAMES, PROBLEM = "about.json", "names.json", "problem.txt"
MOST_LISTED = 1_000
"""Refused files that are kept by name."""

log = logging.getLogger(__name__)


class About(BaseModel):
    """What a decoded data set says about itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = VERSION
    source: str = Field(description="name of the folder or archive it was read from")
    fingerprint: str = Field(description="changes when the source does")
    classes: tuple[str, ...]
    seed: int = Field(description="of the draws of calibration and test images")
    test_drawn: bool = Field(description="whether a fifth was drawn as test images, having none of its own")
    splits: dict[Split, ArrayFile]
    refused: dict[str, str] = Field(description=f"files that are not used and why, at most {MOST_LISTED:,}")
    refused_count: int


Decoded = tuple[About, Mapping[Split, ImageSet]]


def place_of(source: Source) -> Path:
    """Return the folder in which a source lies decoded, or would. Raises ``DatasetError`` when it is gone."""
    return settings().cache_folder / "images" / source.name / f"{source.fingerprint()}-{VERSION}"


def about(place: Path) -> About | None:
    """Return what is known of images that were decoded to ``place``, without reading one; None when they were not."""
    try:
        return About.model_validate_json((place / ABOUT).read_bytes())
    except (OSError, ValidationError):
        return None


def known_problem(place: Path) -> str | None:
    """Return why images could not be decoded to ``place`` when that was last tried; None when they could."""
    try:
        return (place / PROBLEM).read_text(encoding="utf-8")
    except OSError:
        return None


def decoded(source: Source, title: str, side: int | None, report: Report = silent) -> Decoded:
    """Return a data set's images mapped from disk, decoding them first when that is needed.

    ``side`` is that of the images; None takes what fits the pictures. Raises ``DatasetError`` in plain words for
    a damaged source, one with too few images, and a full disk.
    """
    place = place_of(source)
    found = _mapped(place)
    if found is None:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(place.parent / ".lock"):
                found = _mapped(place) or _made(source, title, side, place, report)
        except OSError as error:
            raise _unwritten(title, error) from error
    return found


def _mapped(place: Path) -> Decoded | None:
    known = about(place)
    if known is None or set(known.splits) != set(SPLITS):
        return None
    splits: dict[Split, ImageSet] = {}
    for name in SPLITS:
        images = map_array(place / f"{name}.npy", known.splits[name])
        if images is None:
            log.warning("The decoded images in %s are damaged; they are decoded again.", place)
            return None
        splits[name] = images
    return known, splits


def _made(source: Source, title: str, side: int | None, place: Path, report: Report) -> Decoded:
    _sweep(place, title)
    folder = Path(tempfile.mkdtemp(dir=place.parent, prefix=".new-"))
    try:
        _write(source, title, side, folder, report)
        folder.chmod(0o755)
        folder.rename(place)
    except DatasetError as error:
        with suppress(OSError):  # it is only kept for the list of data sets
            write_atomically(place / PROBLEM, str(error).encode())
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    made = _mapped(place)
    if made is None:
        raise DatasetError(f"The decoded images of {title} were damaged while they were written to {place}.")
    return made


def _sweep(place: Path, title: str) -> None:
    """Remove what the lock says nobody is writing: rests of killed processes, and images of an older source."""
    for folder in place.parent.iterdir():
        if folder.is_dir():
            if not folder.name.startswith(".") and folder != place and (folder / ABOUT).exists():
                log.warning("The files of %s have changed, or are now read otherwise: decoding them again.", title)
            shutil.rmtree(folder, ignore_errors=True)


def _write(source: Source, title: str, side: int | None, folder: Path, report: Report) -> None:
    file = folder / "pool"
    pool = fill(source, side or fitting_side(source), file, report)
    placed, left_out = arrange(pool.paths)
    drawn = draw(placed, title)
    refused = {**pool.refused, **left_out}
    known = About(
        source=source.path.name,
        fingerprint=source.fingerprint(),
        classes=readable(drawn.classes, source.class_names()),
        seed=SEED,
        test_drawn=drawn.test_drawn,
        splits=_write_splits(drawn, pool, folder, report),
        refused=dict(list(refused.items())[:MOST_LISTED]),
        refused_count=len(refused),
    )
    file.unlink()
    (folder / ABOUT).write_text(known.model_dump_json(indent=1), encoding="utf-8")


def _write_splits(drawn: Drawn, pool: Pool, folder: Path, report: Report) -> dict[Split, ArrayFile]:
    files, names = {}, {}
    for name in SPLITS:
        report(f"Writing the {name} images", 1.0)
        pictures = [picture for of_class in drawn.splits[name] for picture in of_class]
        counts = tuple(map(len, drawn.splits[name]))
        files[name] = write_array(folder / f"{name}.npy", pool.rows(), [picture.row for picture in pictures], counts)
        names[name] = [picture.path for picture in pictures]
    (folder / NAMES).write_text(json.dumps(names), encoding="utf-8")
    return files


def readable(folders: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the classes' names; two folders of the same name (ImageNet has two cranes) keep theirs beside it."""
    found = [names.get(folder, folder) for folder in folders]
    counted = [name.casefold() for name in found]
    return tuple(
        name if counted.count(name.casefold()) == 1 else f"{name} ({folder})"
        for name, folder in zip(found, folders, strict=True)
    )


def _unwritten(title: str, error: OSError) -> DatasetError:
    folder = settings().cache_folder / "images"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = f"There is no room left on the disk of {folder}. Free some space, or set ORTHOUI_HOME to another disk"
    else:
        what = f"{folder} cannot be written ({error.strerror or error}). Set ORTHOUI_HOME to a folder of yours"
    return DatasetError(f"The images of {title} could not be decoded. {what}, and try again.")
