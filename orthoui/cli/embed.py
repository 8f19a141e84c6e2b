"""``orthoui embed``: rebuild the embedded images from the data set's own files."""

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orthoui.cli.common import AsJson, checked_folder, emit, megabytes, reports_errors, writing
from orthoui.errors import DatasetError

if TYPE_CHECKING:
    from orthoui.data import ImageSet


@reports_errors
def embed(
    source: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder of Fashion-MNIST's four files, train-…gz and t10k-…gz.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the three pictures are written.")],
    as_json: AsJson = False,
) -> None:
    """Rebuild the embedded pictures from Fashion-MNIST's own files; the same files give the same bytes."""
    from orthoui.data.fashion_mnist import embed as write

    train, test = (_images(source, part) for part in ("train", "t10k"))
    folder = checked_folder(out)
    with writing(folder):
        write(train, test, folder)
    made = {path.name: megabytes(path) for path in sorted(folder.glob("*.png"))}
    listed = ", ".join(f"{name} ({size} MB)" for name, size in made.items())
    emit({"folder": str(folder), "size_mb": made}, as_json, lambda: f"Written to {folder}: {listed}.")


def _images(folder: Path, part: str) -> "ImageSet":
    from orthoui.data.fashion_mnist import read_idx

    return read_idx(
        _unpacked(folder / f"{part}-images-idx3-ubyte.gz"), _unpacked(folder / f"{part}-labels-idx1-ubyte.gz")
    )


def _unpacked(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(
            f"{path} cannot be read ({error}). --source must hold Fashion-MNIST's four files as they are published."
        ) from error
