"""Which split and which class a file belongs to, read from its path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

TRAIN, TEST = "train", "test"
TEST_FOLDERS = (TEST, "val", "valid", "validation")
"""Names of the folder of test images; an earlier one wins."""


@dataclass(frozen=True)
class Placed:
    """A picture of a class. ``test`` is None where the data set has no split of its own."""

    row: int
    path: str
    label: str
    test: bool | None


def arrange(paths: Sequence[str]) -> tuple[list[Placed], Mapping[str, str]]:
    """Place every path; return the placed ones, and the others with the reason.

    Understood are ``train/CLASS/FILE`` with ``test/CLASS/FILE`` (or ``val``), and ``CLASS/FILE``; folders that
    all files have in common are ignored. ``row`` is the position in ``paths``.

    >>> [placed.label for placed in arrange(["flowers/daisy/1.jpg", "flowers/rose/1.jpg"])[0]]
    ['daisy', 'rose']
    """
    folders = [PurePosixPath(path).parts[:-1] for path in paths]
    common = _common([parts for parts in folders if parts])
    below = [parts[common:] for parts in folders]
    firsts = {parts[0] for parts in below if len(parts) > 1}
    test_folder = next((name for name in TEST_FOLDERS if name in firsts), None)
    splits = {TRAIN: False, test_folder: True} if TRAIN in firsts and test_folder else None
    placed, left_out = [], {}
    for row, (path, parts) in enumerate(zip(paths, below, strict=True)):
        inside = parts if splits is None else parts[1:]
        if splits is not None and (not parts or parts[0] not in splits):
            left_out[path] = f"not in {TRAIN} or {test_folder}"
        elif len(inside) != 1:
            left_out[path] = "not directly in a class folder"
        else:
            placed.append(Placed(row, path, inside[0], None if splits is None else splits[parts[0]]))
    return placed, left_out


def _common(folders: Sequence[tuple[str, ...]]) -> int:
    """Count the leading folders that everything has in common, the deepest level never among them."""
    count = 0
    deepest = max(map(len, folders), default=0)
    while count + 1 < deepest and len({parts[count] for parts in folders if len(parts) > count}) == 1:
        count += 1
    return count
