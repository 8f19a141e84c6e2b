"""Decoded data sets on disk: made once, by one process at a time, whole or not at all, and checked at every start."""

import errno
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from orthoui.data import ImageSet, Split, arrays, store
from orthoui.data.sources import FolderSource
from orthoui.errors import CancelledError, DatasetError
from tests.data.made import COLOURS, class_files, picture, put

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    """Two classes of 12 training and 4 test images."""
    return FolderSource(put(tmp_path / "data" / "pets", class_files()), "pets")


def decoded(source: FolderSource) -> Mapping[Split, ImageSet]:
    return store.decoded(source, "Pets", 32)[1]


def folders(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "cache/images/pets").iterdir() if path.name != ".lock")


def numbers(images: ImageSet) -> list[tuple[int, int]]:
    return list(zip(images.labels.tolist(), images.images[:, 0, 0, 0].tolist(), strict=True))


def test_every_image_is_in_one_split_with_its_label(source: FolderSource) -> None:
    about, splits = store.decoded(source, "Pets", 32)
    assert about.classes == ("cat", "dog") and not about.test_drawn and about.seed == 0
    assert {split: list(about.splits[split].counts) for split in splits} == {
        "train": [10, 10],
        "calibration": [2, 2],
        "test": [4, 4],
    }
    assert numbers(splits["test"]) == [(label, number) for label in (0, 1) for number in range(4)]
    drawn = numbers(splits["train"]) + numbers(splits["calibration"])
    assert sorted(drawn) == [(label, number) for label in (0, 1) for number in range(12)]
    for label, colour in enumerate(COLOURS.values()):
        seen = splits["train"].images[splits["train"].labels == label]
        assert {tuple(image[:, 9, 9].tolist()) for image in seen} <= {colour}


def test_the_files_behind_the_images_are_recorded(source: FolderSource) -> None:
    splits = decoded(source)
    names = json.loads((store.place_of(source) / store.NAMES).read_text())
    for split, images in splits.items():
        assert [(path.split("/")[1], int(path[-7:-4])) for path in names[split]] == [
            (("cat", "dog")[label], number) for label, number in numbers(images)
        ]


def test_the_second_time_nothing_is_read_and_digests_are_those_of_the_pixels(
    source: FolderSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = decoded(source)
    monkeypatch.setattr(store, "fill", lambda *_: pytest.fail("decoded again"))
    monkeypatch.setattr(arrays, "digest_of", lambda *_: pytest.fail("hashed again"))
    again = decoded(source)
    monkeypatch.undo()
    for split, images in again.items():
        assert torch.equal(images.images, first[split].images)
        assert images.digest == first[split].digest == ImageSet(images.images, images.labels).digest
    assert len({images.digest for images in again.values()}) == 3


def test_nobody_can_write_into_the_files(source: FolderSource) -> None:
    images = decoded(source)["train"].images
    images[0] = 77
    assert int(images[0, 0, 0, 0]) == 77
    assert int(decoded(source)["train"].images[0, 0, 0, 0]) != 77


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3 + 7] ^= 255
    path.write_bytes(bytes(content))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda place: os.truncate(place / "train.npy", 5_000),
    "empty": lambda place: (place / "test.npy").write_bytes(b""),
    "flipped": lambda place: flip(place / "train.npy"),
    "gone": lambda place: (place / "calibration.npy").unlink(),
    "no array": lambda place: (place / "test.npy").write_bytes(b"x" * (place / "test.npy").stat().st_size),
    "sidecar": lambda place: (place / store.ABOUT).write_text("{}"),
    "no sidecar": lambda place: (place / store.ABOUT).unlink(),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_what_is_damaged_is_decoded_again(source: FolderSource, home: Path, damage: str) -> None:
    expected = {split: images.digest for split, images in decoded(source).items()}
    DAMAGES[damage](store.place_of(source))
    assert {split: images.digest for split, images in decoded(source).items()} == expected
    assert len(folders(home)) == 1


def test_damage_is_told_once(source: FolderSource, caplog: pytest.LogCaptureFixture) -> None:
    decoded(source)
    assert not caplog.records
    flip(store.place_of(source) / "train.npy")
    with caplog.at_level(logging.WARNING):
        decoded(source)
    assert "are damaged; they are decoded again" in caplog.text


def test_a_copied_cache_is_checked_once_and_then_trusted(
    source: FolderSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded(source)
    file = store.place_of(source) / "train.npy"
    os.utime(file)
    decoded(source)
    monkeypatch.setattr(ImageSet, "digest", property(lambda _: pytest.fail("hashed again")))
    decoded(source)


def test_a_changed_source_is_decoded_again_and_the_old_images_go(
    source: FolderSource, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = folders(home) if (home / "cache").exists() else decoded(source) and folders(home)
    (source.path / "train/cat/000.png").write_bytes(picture("cat", 99))
    with caplog.at_level(logging.WARNING):
        images = decoded(source)
    assert "The files of Pets have changed" in caplog.text
    assert (0, 99) in numbers(images["train"]) + numbers(images["calibration"])
    assert len(folders(home)) == 1 and folders(home) != before


def test_refused_files_are_kept_by_name(source: FolderSource, monkeypatch: pytest.MonkeyPatch) -> None:
    put(source.path, {"train/cat/broken.png": b"x", "train/cover.png": picture("cat"), "train/dog/notes.txt": b"x"})
    about = store.decoded(source, "Pets", 32)[0]
    assert about.refused == {
        "train/cat/broken.png": "file is not a picture that can be read",
        "train/cover.png": "not directly in a class folder",
        "train/dog/notes.txt": "not a picture by its name",
    }
    monkeypatch.setattr(store, "MOST_LISTED", 1)
    put(source.path, {"x.txt": b"x"})
    about = store.decoded(source, "Pets", 32)[0]
    assert (len(about.refused), about.refused_count) == (1, 4)


def test_too_few_images_leave_the_reason_and_nothing_else(source: FolderSource, home: Path) -> None:
    for number in range(5):
        (source.path / f"train/cat/{number:03d}.png").write_bytes(b"broken")
    with pytest.raises(DatasetError, match=r"too few usable training images of cat \(7\)"):
        decoded(source)
    assert "too few usable training images" in (store.known_problem(store.place_of(source)) or "")
    assert store.about(store.place_of(source)) is None
    assert [path.name for path in store.place_of(source).iterdir()] == [store.PROBLEM]
    put(source.path, class_files())
    assert len(decoded(source)["train"]) == 20
    assert store.known_problem(store.place_of(source)) is None


def test_a_cancelled_decoding_leaves_nothing(source: FolderSource, home: Path) -> None:
    def cancel(doing: str, share: float) -> None:
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        store.decoded(source, "Pets", 32, cancel)
    assert folders(home) == []


@pytest.mark.parametrize("full_at", ["pool", "train.npy", "about.json"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    source: FolderSource, home: Path, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    opened = Path.open

    def full(path: Path, mode: str = "r", *args: object, **kwargs: object) -> object:
        if path.name == full_at and "w" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, mode, *args, **kwargs)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(DatasetError) as raised:
            decoded(source)
    assert str(raised.value) == (
        f"The images of Pets could not be decoded. There is no room left on the disk of {home}/cache/images. "
        "Free some space, or set ORTHOUI_HOME to another disk, and try again."
    )
    assert folders(home) == []
    decoded(source)


def test_a_home_that_cannot_be_written_is_explained(source: FolderSource, home: Path) -> None:
    home.write_text("a file in the way")
    with pytest.raises(DatasetError, match=r"cannot be written \(Not a directory\)\. Set ORTHOUI_HOME"):
        decoded(source)


def test_threads_that_ask_at_once_decode_once(source: FolderSource, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    fill = store.fill
    monkeypatch.setattr(store, "fill", lambda *given: (calls.append(1), time.sleep(0.1), fill(*given))[-1])
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(decoded(source)["train"].digest)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1 and len(found) == 4 and len(set(found)) == 1


SCRIPT = """
import sys, time
from pathlib import Path
from orthoui.data import store
from orthoui.data.sources import FolderSource
def slow(doing, share):
    Path(sys.argv[2]).touch()
    time.sleep(float(sys.argv[3]))
print(store.decoded(FolderSource(Path(sys.argv[1]), "pets"), "Pets", 32, slow)[1]["train"].digest)
"""


def start(source: FolderSource, mark: Path, seconds: float) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(source.path), str(mark), str(seconds)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_killed_process_leaves_nothing_half_and_others_wait_for_one_another(
    source: FolderSource, home: Path, tmp_path: Path
) -> None:
    with start(source, tmp_path / "begun", 60) as killed:
        deadline = time.monotonic() + 60
        while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
    rests = folders(home)
    assert len(rests) == 1 and rests[0].startswith(".new-")
    with start(source, tmp_path / "a", 0.2) as one, start(source, tmp_path / "b", 0.2) as other:
        said = {process.communicate(timeout=60)[0].strip() for process in (one, other)}
    assert (tmp_path / "a").exists() != (tmp_path / "b").exists()  # only one of them decoded
    assert said == {decoded(source)["train"].digest}
    assert folders(home) == [store.place_of(source).name]


def test_classes_of_the_same_name_keep_their_folder() -> None:
    names = {"n1": "crane", "n2": "Crane", "n3": "heron"}
    assert store.readable(("n1", "n2", "n3", "n4"), names) == ("crane (n1)", "Crane (n2)", "heron", "n4")


def test_a_large_array_is_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "PART", 3)
    pool = np.random.default_rng(0).integers(0, 256, (10, 3, 8, 8), dtype=np.uint8)
    rows = [9, 0, 4, 4, 7, 1, 2]
    about = arrays.write_array(tmp_path / "a.npy", pool, rows, (4, 3))
    images = arrays.map_array(tmp_path / "a.npy", about)
    assert images is not None and np.array_equal(images.images.numpy(), pool[rows])
    assert images.labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert images.digest == ImageSet(images.images, images.labels).digest
    assert np.array_equal(np.load(tmp_path / "a.npy"), pool[rows])


def test_images_are_moved_to_a_device_once_and_stay_where_there_is_no_room(
    source: FolderSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = decoded(source)["train"]
    meta = torch.device("meta")
    assert images.on(torch.device("cpu"), 10**9) is images
    assert images.on(meta, 100) is images
    moved = images.on(meta, 10**9)
    assert moved is images.on(meta, 10**9)
    assert (moved.images.device, moved.labels.device, moved.digest) == (meta, meta, images.digest)

    def full(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("made up")

    other = decoded(source)["test"]
    monkeypatch.setattr(torch.Tensor, "to", full)
    assert other.on(meta, 10**9) is other
