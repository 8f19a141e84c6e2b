"""Class folders inside ``NAME.tar.zst``, read as a stream: nothing is ever unpacked to disk."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

import zstandard

from orthoui.data.sources.found import Found, Source, refusal, unreadable
from orthoui.errors import DamagedError

MAGIC = b"\x28\xb5\x2f\xfd"
END = bytes(1024)
"""Every whole tar archive ends in two blocks of zeros."""
DAMAGE = (OSError, EOFError, ValueError, ArithmeticError, tarfile.TarError, zstandard.ZstdError)


class TarSource(Source):
    """Images in a zstd-compressed tar archive."""

    def files(self, at_most: int | None = None) -> Iterator[Found]:  # noqa: ARG002  a stream has no places to skip to
        """Yield the files in the order of the archive. Raises ``DatasetError`` when it is damaged or cut off."""
        try:
            with self.path.open("rb") as packed:
                yield from self._unpacked(packed)
        except DAMAGE as error:
            raise unreadable(self.path, error) from error

    def _unpacked(self, packed: BinaryIO) -> Iterator[Found]:
        total = self.size()
        stream = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        with Watched(stream) as watched, tarfile.open(fileobj=watched, mode="r|") as archive:
            for member in archive:
                share = packed.tell() / total
                if member.isdir():
                    continue
                path = str(PurePosixPath(member.name))
                problem = _refused(member)
                file = None if problem else archive.extractfile(member)
                yield Found(path, None, share, problem) if file is None else Found(path, file.read(), share)
            if not watched.complete():
                raise DamagedError(f"{self.path} is cut off. Copy or download it again.")


class Watched(io.RawIOBase):
    """A stream that remembers its last bytes: tarfile takes one that is cut off between files for a whole one."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._last = b""

    def read(self, size: int = -1) -> bytes:
        """Read as the stream does."""
        part = self._stream.read(size)
        self._last = (self._last + part[-len(END) :])[-len(END) :]
        return part

    def complete(self) -> bool:
        """Read what is left, and tell whether it was the end of an archive."""
        while self.read(1 << 20):
            pass
        return self._last == END

    def close(self) -> None:
        """Close the stream too."""
        self._stream.close()
        super().close()


def _refused(member: tarfile.TarInfo) -> str:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        return "a path that leads out of the archive"
    if not member.isfile():
        return "not an ordinary file"
    return refusal(str(path), member.size)
