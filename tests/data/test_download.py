"""Downloads: continued where they stopped, accepted only when the checksum is right, explained when they fail."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from orthoui.data import download as module
from orthoui.data.download import download
from orthoui.data.known import KNOWN, Remote
from orthoui.errors import DatasetError
from tests.data.serving import Server, serving

CONTENT = os.urandom(700_000)
PART = ".images.zip.part"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(CONTENT) as about:
        yield about


def refused(remote: Remote, folder: Path) -> str:
    with pytest.raises(DatasetError) as raised:
        download(remote, folder)
    return str(raised.value)


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_a_file_is_downloaded_with_progress_and_only_once(server: Server, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    folder = tmp_path / "data"
    file = download(server.remote(), folder, lambda doing, share: told.append((doing, share)))
    assert file == folder / "images.zip" and file.read_bytes() == CONTENT
    assert told[0][0] == "Downloading images.zip: 0 of 1 MB" and told[-1] == ("Checking images.zip", 1.0)
    shares = [share for _, share in told]
    assert shares == sorted(shares) and 0 < shares[0] < 1
    assert download(server.remote(), folder) == file
    assert server.asked == [None] and visible(folder) == ["images.zip"]


def test_a_doubted_file_is_kept_when_it_is_right_and_replaced_when_not(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "images.zip"
    for damaged in (CONTENT[:-1], b""):
        file.write_bytes(damaged)
        assert download(server.remote(), tmp_path).read_bytes() == damaged
        assert download(server.remote(), tmp_path, doubted=True).read_bytes() == CONTENT
    assert download(server.remote(), tmp_path, doubted=True) == file
    assert server.asked == [None, None]


def test_a_broken_download_is_kept_and_continued(server: Server, tmp_path: Path) -> None:
    server.break_after = 300_000
    said = refused(server.remote(), tmp_path)
    assert said.startswith("The download stopped after 0.3 of 0.7 MB (") and "goes on from there" in said
    assert (tmp_path / PART).read_bytes() == CONTENT[:300_000]
    server.break_after = None
    assert download(server.remote(), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-"] and visible(tmp_path) == ["images.zip"]


def test_a_server_that_cannot_continue_starts_over(server: Server, tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(CONTENT[:1000])
    server.ranges = False
    assert download(server.remote(), tmp_path).read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(CONTENT)
    assert download(server.remote(), tmp_path).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("rest", [b"x" * 1000, b"x" * 800_000])
def test_a_damaged_part_is_downloaded_anew(server: Server, tmp_path: Path, rest: bytes) -> None:
    (tmp_path / PART).write_bytes(rest)
    assert download(server.remote(), tmp_path).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(rest)}-", None]


def test_a_server_that_does_not_say_the_length_is_fine(server: Server, tmp_path: Path) -> None:
    server.lengths = False
    assert download(server.remote(), tmp_path).read_bytes() == CONTENT


def test_other_bytes_than_expected_are_deleted(server: Server, tmp_path: Path) -> None:
    said = refused(server.remote(content=b"something else"), tmp_path)
    assert "gave other bytes than it should" in said and "Try again later" in said
    assert visible(tmp_path) == []


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_server_that_refuses_is_explained(server: Server, tmp_path: Path, status: int) -> None:
    server.status = status
    said = refused(server.remote(), tmp_path)
    assert f"{server.address}/images.zip cannot be reached ({status} " in said
    assert f"put the file into {tmp_path}, as it is." in said


def test_a_closed_network_says_which_file_goes_where(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    remote = Remote(f"http://127.0.0.1:{port}/images.zip", "0" * 32, 1000)
    said = refused(remote, tmp_path)
    assert "cannot be reached (" in said and "Connection refused" in said
    assert f"If this machine is offline, download {remote.url} elsewhere and put the file into {tmp_path}" in said


def test_a_full_disk_keeps_the_part(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = module._read

    def full(*given: object) -> bytes:
        if (tmp_path / PART).stat().st_size:
            raise OSError(errno.ENOSPC, "No space left on device")
        return read(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module, "_read", full)
        patch.setattr(module, "CHUNK", 1 << 17)
        said = refused(server.remote(), tmp_path)
    assert said == (
        f"images.zip (1 MB) cannot be written to {tmp_path}: the disk is full. Free some space, or set ORTHOUI_DATA "
        "to another folder, and ask again."
    )
    assert 0 < (tmp_path / PART).stat().st_size < len(CONTENT)
    assert download(server.remote(), tmp_path).read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_is_explained(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "cannot be written to" in refused(server.remote(), tmp_path / "file" / "data")


def test_two_that_ask_at_once_download_once(server: Server, tmp_path: Path) -> None:
    found: list[Path] = []
    threads = [Thread(target=lambda: found.append(download(server.remote(), tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and server.asked == [None]


def test_the_known_files_have_checksums_and_names() -> None:
    assert {known.remote.file for known in KNOWN.values()} == {
        "cifar-10-binary.tar.gz",
        "cifar-100-binary.tar.gz",
        "tiny-imagenet-200.zip",
    }
    assert all(len(known.remote.md5) == 32 and known.remote.size > 10**8 for known in KNOWN.values())
    assert [len(known.classes) for known in KNOWN.values()] == [10, 100, 0]
