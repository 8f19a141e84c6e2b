"""``orthoui datasets`` and ``orthoui datasets get``: what is there, what is refused, what can be had."""

from dataclasses import replace
from pathlib import Path

import pytest

from orthoui.data.known import KNOWN
from tests.cli.calling import answer, call, refusal
from tests.data.made import cifar_files, class_files, gzipped, picture, put
from tests.data.serving import serving


def words(line: str) -> str:
    result = call(line)
    assert result.exit_code == 0, result.stderr
    return " ".join(result.stdout.split())


def test_public_data_sets_that_are_not_here_are_listed_with_the_way_to_get_them(home: Path) -> None:
    found = {data["name"]: data for data in answer("datasets")["datasets"]}
    assert found["cifar10"]["state"] == "fetchable"
    assert found["cifar10"]["image_size"] == [32, 32] and len(found["cifar10"]["classes"]) == 10
    shown = words("datasets")
    assert "CIFAR-10: Get them with “orthoui datasets get cifar10” (170 MB)." in shown
    assert "not here" in shown


def test_own_images_are_made_ready_and_refused_files_named(home: Path) -> None:
    junk = {f"train/cat/note{number:02d}.txt": b"x" for number in range(12)}
    put(home / "data" / "pets", {**class_files(), "train/cat/bad.png": b"x", **junk})
    assert "read at first use" in words("datasets")
    said = words("datasets get pets")
    assert "pets is ready: 20 train, 4 calibration, 8 test images of 2 classes." in said
    assert "pets: 13 files are not used; the first 10:" in said
    assert "train/cat/bad.png: file is not a picture that can be read" in said
    assert "note11.txt" not in said
    found = {data["name"]: data for data in answer("datasets")["datasets"]}["pets"]
    assert found["images"] == {"train": 20, "calibration": 4, "test": 8}
    assert (found["refused_count"], len(found["refused"])) == (13, 13)
    assert found["source"] == str(home / "data" / "pets")


def test_a_public_data_set_is_downloaded(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = gzipped(tmp_path / "made.tar.gz", cifar_files()).read_bytes()
    with serving(content) as server:
        monkeypatch.setitem(
            KNOWN, "cifar10", replace(KNOWN["cifar10"], remote=server.remote("cifar-10-binary.tar.gz"))
        )
        said = answer("datasets get cifar10")
    assert said["images"] == {"train": 40, "calibration": 10, "test": 10}
    assert (home / "data" / "cifar-10-binary.tar.gz").exists()


def test_a_closed_network_is_a_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(b"x") as server:
        remote = server.remote("cifar-10-binary.tar.gz")
    monkeypatch.setitem(KNOWN, "cifar10", replace(KNOWN["cifar10"], remote=remote))
    said = refusal("datasets get cifar10")
    assert "cannot be reached" in said and f"put the file into {home / 'data'}" in said


def test_what_cannot_be_had_is_explained(home: Path) -> None:
    assert "There is no data set to get “mnist”. Choose one of: cifar10" in refusal("datasets get mnist")
    put(home / "data" / "pets", {"cat/1.png": picture("cat")})
    assert "pets holds only the class cat" in refusal("datasets get pets")
    assert "pets: pets holds only the class cat" in words("datasets")
    assert call("datasets take pets").exit_code == 2


def test_help_tells_both_ways(home: Path) -> None:
    assert "get" in words("datasets --help") and "NAME" in words("datasets get --help")
    assert "import" in words("models --help")
