"""Downloads that go on where they stopped, and count only when the checksum is right."""

import errno
import hashlib
import http
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from orthoui.data.known import Remote
from orthoui.data.pictures import Report, silent
from orthoui.errors import DatasetError

CHUNK = 1 << 18
PATIENCE = 30
"""Seconds without a byte after which a server counts as unreachable."""
NETWORK = (OSError, http.client.HTTPException)


def download(remote: Remote, folder: Path, report: Report = silent, *, doubted: bool = False) -> Path:
    """Return the file in ``folder``, downloading what is missing of it. Raises ``DatasetError`` in plain words.

    A part that is there already is continued. The file gets its name only when it is whole and its checksum is
    right; a second process that asks for it waits for the first. A file that is ``doubted`` is only taken for it
    when its checksum is right; otherwise the new one takes its place, as soon as it is whole.
    """
    file, part = folder / remote.file, folder / f".{remote.file}.part"
    with _writing(remote, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{remote.file}.lock"):
            if file.exists() and (not doubted or _is_right(file, remote)):
                return file
            continued = part.exists() and part.stat().st_size > 0
            _fetch(remote, part, report)
            if continued and _md5(part) != remote.md5:  # what was there before may have been the fault: once more
                part.unlink()
                _fetch(remote, part, report)
            report(f"Checking {remote.file}", 1.0)
            if _md5(part) != remote.md5:
                part.unlink()
                raise DatasetError(
                    f"{remote.url} gave other bytes than it should (their checksum is wrong); they were deleted. "
                    "Try again later, or from another network."
                )
            part.replace(file)
    return file


def by_hand(remote: Remote, folder: Path) -> str:
    """Return the sentence that says how to do without this machine's network."""
    return f"If this machine is offline, download {remote.url} elsewhere and put the file into {folder}, as it is."


def _fetch(remote: Remote, part: Path, report: Report) -> None:
    """Append to ``part`` what is missing."""
    start = part.stat().st_size if part.exists() else 0
    with _opened(remote, start, part.parent) as answer:
        if answer is None:
            return
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        done = start if resumed else 0
        total = done + (answer.length or remote.size - done)
        with part.open("ab" if resumed else "wb") as file:
            while chunk := _read(answer, done, total):
                file.write(chunk)
                done += len(chunk)
                report(f"Downloading {remote.file}: {done / 1e6:.0f} of {total / 1e6:.0f} MB", done / total)
    if done < total:
        raise _broken(done, total, "the connection ended")


@contextmanager
def _opened(remote: Remote, start: int, folder: Path) -> Iterator[http.client.HTTPResponse | None]:
    """Yield the server's answer; None when it says that there is nothing after ``start``."""
    request = urllib.request.Request(remote.url, headers={"User-Agent": "orthoui"})  # noqa: S310  our own addresses
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            yield None  # all of it is there; the checksum tells whether it is right
            return
        raise _unreachable(remote, folder, f"{error.code} {error.reason}") from error
    except NETWORK as error:
        raise _unreachable(remote, folder, _reason(error)) from error
    with answer:
        yield answer


def _read(answer: http.client.HTTPResponse, done: int, total: int) -> bytes:
    try:
        return answer.read(CHUNK)
    except NETWORK as error:
        raise _broken(done, total, _reason(error)) from error


def _is_right(file: Path, remote: Remote) -> bool:
    try:
        return _md5(file) == remote.md5
    except OSError:  # what cannot be read is not the file
        return False


def _md5(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error or type(error).__name__)


def _unreachable(remote: Remote, folder: Path, reason: str) -> DatasetError:
    return DatasetError(f"{remote.url} cannot be reached ({reason}). {by_hand(remote, folder)}")


def _broken(done: int, total: int, reason: str) -> DatasetError:
    return DatasetError(
        f"The download stopped after {done / 1e6:.1f} of {total / 1e6:.1f} MB ({reason}). What came is kept: ask "
        "again, and it goes on from there."
    )


@contextmanager
def _writing(remote: Remote, folder: Path) -> Iterator[None]:
    """Turn a failure to write into a sentence."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full" if full else error.strerror or str(error)
        raise DatasetError(
            f"{remote.file} ({remote.size / 1e6:.0f} MB) cannot be written to {folder}: {what}. Free some space, or "
            "set ORTHOUI_DATA to another folder, and ask again."
        ) from error
