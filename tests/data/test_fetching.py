"""Getting a public data set by name: downloaded, repaired where damaged, never in place of a person's own files."""

from dataclasses import replace
from pathlib import Path

import pytest

from orthoui.data import fetch_dataset, load_dataset
from orthoui.data.known import KNOWN
from orthoui.errors import DatasetError, UnknownNameError
from tests.data.made import cifar_files, class_files, gzipped, put
from tests.data.reading import entries
from tests.data.serving import Server, serving


def test_fetching_downloads_reads_and_is_done(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = gzipped(tmp_path / "made.tar.gz", cifar_files()).read_bytes()
    with serving(content) as server:
        known = replace(KNOWN["cifar10"], remote=server.remote("cifar-10-binary.tar.gz"))
        monkeypatch.setitem(KNOWN, "cifar10", known)
        told: list[str] = []
        data = fetch_dataset("cifar10", lambda doing, share: told.append(doing.split(" ")[0]))
        assert fetch_dataset("cifar10") is data
    assert server.asked == [None]
    assert list(dict.fromkeys(told)) == ["Downloading", "Checking", "Reading", "Writing"]
    assert entries()["cifar10"].images == {"train": 40, "calibration": 10, "test": 10}


def serve(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    known = replace(KNOWN["cifar10"], remote=server.remote("cifar-10-binary.tar.gz"))
    monkeypatch.setitem(KNOWN, "cifar10", known)


def test_a_damaged_download_is_downloaded_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    archive = gzipped(folder / "cifar-10-binary.tar.gz", cifar_files())
    content = archive.read_bytes()
    with serving(content) as server:
        serve(monkeypatch, server)
        archive.write_bytes(content[:-300])
        with pytest.raises(DatasetError, match=r"cannot be read .*Copy or download it again\."):
            load_dataset("cifar10")
        server.break_after = 100
        with pytest.raises(DatasetError, match="The download stopped"):
            fetch_dataset("cifar10")
        assert archive.read_bytes() == content[:-300]  # kept until there is a whole one
        server.break_after = None
        assert len(fetch_dataset("cifar10")["train"]) == 40
        assert archive.read_bytes() == content
        fetch_dataset("cifar10")
    assert server.asked == [None, "bytes=100-"]


@pytest.mark.parametrize("form", ["cifar-10-batches-py", "cifar-10-batches-bin"])
def test_an_unpacked_folder_without_its_files_is_not_in_the_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    put(folder / form, {"readme.html": b"x"})
    assert "lacks data_batch_1" in (entries()["cifar10"].problem or "")
    with serving(gzipped(tmp_path / "made.tar.gz", cifar_files()).read_bytes()) as server:
        serve(monkeypatch, server)
        assert fetch_dataset("cifar10").source == "cifar-10-binary.tar.gz"
    assert (folder / form / "readme.html").exists()
    assert load_dataset("cifar10").source == "cifar-10-binary.tar.gz"


@pytest.mark.parametrize("own", ["cifar10.tar.zst", "cifar-10-python.tar.gz", "cifar-10-batches-bin"])
def test_damaged_files_of_a_persons_own_are_named_and_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    if own.endswith("-bin"):
        put(folder, {path: content[:-5] for path, content in cifar_files().items()})
    else:
        put(folder, {own: b"junk"})
    with serving(b"x") as server:
        serve(monkeypatch, server)
        with pytest.raises(DatasetError) as raised:
            fetch_dataset("cifar10")
    assert f"Or move {folder / own} away (no file of yours is deleted here)" in str(raised.value)
    assert "say “orthoui datasets get cifar10” again: CIFAR-10 is then downloaded" in str(raised.value)
    assert not server.asked and (folder / own).exists()


def test_only_public_data_sets_can_be_fetched_and_what_is_there_needs_no_network(folder: Path) -> None:
    put(folder / "pets", class_files())
    assert fetch_dataset("pets").name == "pets"
    assert fetch_dataset("fashion-mnist").source == "embedded"
    with pytest.raises(UnknownNameError, match=r"no data set to get “x”\. Choose one of: cifar10, cifar100, tiny"):
        fetch_dataset("x")
