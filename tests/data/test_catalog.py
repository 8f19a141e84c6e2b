"""Data sets by name: found wherever they lie, listed without being read, fetched when they are not there."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from orthoui.data import available, catalog, dataset_names, fetch_dataset, load_dataset, store
from orthoui.data.known import CIFAR10, KNOWN
from orthoui.errors import DatasetError, UnknownNameError
from tests.data.made import binary_files, cifar_files, class_files, gzipped, packed, picture, put, tiny_files, zipped
from tests.data.reading import entries


def many_tiny() -> dict[str, bytes]:
    """TinyImageNet's layout with enough images of two classes."""
    files = {path: content for path, content in tiny_files().items() if "/train/" not in path}
    files |= {
        f"tiny-imagenet-200/train/n0{label}/images/n0{label}_{number}.JPEG": picture("cat", kind="JPEG")
        for label in (1, 2)
        for number in range(12)
    }
    return files


def test_a_folder_of_a_persons_own_images_is_a_data_set(folder: Path) -> None:
    put(folder / "pets", class_files(train=30, test=0, classes=("cat", "dog", "eel")))
    data = load_dataset("pets")
    assert (data.title, data.classes, data.source, data.input_size) == ("pets", ("cat", "dog", "eel"), "pets", 32)
    assert [len(data[split]) for split in ("train", "calibration", "test")] == [60, 12, 18]
    assert data["train"].images.dtype == torch.uint8 and data["train"].images.shape[1] == 3
    assert load_dataset("pets") is data and data.test_drawn
    put(folder / "split", class_files())
    assert not load_dataset("split").test_drawn


def test_a_folder_with_the_name_of_embedded_images_is_not_left_out_silently(folder: Path) -> None:
    put(folder / "fashion-mnist", class_files())
    entry = entries()["fashion-mnist"]
    assert entry.state == "present" and len(entry.classes) == 10
    assert entry.refused_count == 1
    (reason,) = entry.refused.values()
    assert "give these another one" in reason and str(folder / "fashion-mnist") in entry.refused


@pytest.mark.parametrize("top", ["", "pets/"])
def test_the_same_tree_in_an_archive_gives_the_same_images(folder: Path, top: str) -> None:
    files = class_files()
    put(folder / "pets", files)
    packed(folder / "zoo.tar.zst", {top + path: content for path, content in files.items()})
    loose, archived = load_dataset("pets"), load_dataset("zoo")
    assert archived.classes == loose.classes
    assert {split: archived[split].digest for split in archived.splits} == {
        split: loose[split].digest for split in loose.splits
    }


def test_the_public_data_sets_are_found_in_their_own_form(folder: Path) -> None:
    gzipped(_made(folder) / "cifar-10-binary.tar.gz", cifar_files())
    zipped(folder / "tiny-imagenet-200.zip", many_tiny())
    assert dataset_names() == ["fashion-mnist", "cifar10", "tinyimagenet"]
    data = load_dataset("cifar10")
    assert (data.title, data.classes) == ("CIFAR-10", ("airplane", "cat"))  # the only two that were made here
    tiny = load_dataset("tinyimagenet")
    assert (tiny.classes, tiny.input_size, len(tiny["test"])) == (("goldfish", "tailed frog"), 64, 2)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_folder_is_preferred_to_an_archive_and_both_to_a_download(folder: Path) -> None:
    put(folder, binary_files("cifar10"))
    gzipped(folder / "cifar-10-binary.tar.gz", cifar_files())
    gzipped(folder / "cifar-10-python.tar.gz", {})
    assert entries()["cifar10"].source.endswith("cifar-10-batches-bin")
    packed(folder / "cifar10.tar.zst", class_files())
    assert entries()["cifar10"].source.endswith("cifar10.tar.zst")
    put(folder / "cifar10", class_files())
    assert entries()["cifar10"].source.endswith("data/cifar10")
    assert load_dataset("cifar10").title == "CIFAR-10"


def test_torchvisions_folder_is_found(folder: Path) -> None:
    put(folder / "cifar-100-python", {"train": b"x", "test": b"x"})
    assert entries()["cifar100"].source.endswith("cifar-100-python")


def test_other_folders_and_files_are_no_data_sets(folder: Path) -> None:
    put(folder, {"FashionMNIST/raw/train-images.gz": b"x", ".cache/a/1.png": b"x", "notes.txt": b"x", "1.png": b"x"})
    put(folder, {"flat/1.png": b"x", ".tar.zst": b"x", "lost+found/.keep": b"x"})
    put(folder / "fashion-mnist", class_files())
    assert dataset_names() == ["fashion-mnist"]
    assert load_dataset("fashion-mnist").source == "embedded"


def test_a_data_folder_that_may_not_be_read_is_explained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _made(folder)

    def closed(path: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(DatasetError, match=r"The data folder .*/data cannot be read \(Permission denied\)\."):
        available()
    assert load_dataset("fashion-mnist").source == "embedded"


def test_listing_reads_no_image(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder / "pets", class_files())
    packed(folder / "cifar10.tar.zst", class_files())
    monkeypatch.setattr(store, "fill", lambda *_: pytest.fail("images were read"))
    found = entries()
    assert list(found) == ["fashion-mnist", "cifar10", "pets", "cifar100", "tinyimagenet"]
    assert {entry.state for entry in list(found.values())[:3]} == {"present"}
    assert (found["pets"].images, found["pets"].classes, found["pets"].image_size) == ({}, (), None)
    assert (found["cifar10"].classes, found["cifar10"].image_size) == (CIFAR10, 32)
    missing = found["cifar100"]
    assert (missing.state, missing.size_mb, len(missing.classes)) == ("fetchable", 168.5, 100)
    assert missing.source == KNOWN["cifar100"].remote.url
    assert "orthoui datasets get cifar100" in missing.advice and str(folder / "cifar100") in missing.advice


def test_a_listing_tells_what_was_found_when_the_images_were_read(folder: Path) -> None:
    put(folder / "pets", {**class_files(), "train/cat/bad.png": b"x"})
    load_dataset("pets")
    entry = entries()["pets"]
    assert (entry.images, entry.classes) == ({"train": 20, "calibration": 4, "test": 8}, ("cat", "dog"))
    assert (entry.image_size, entry.channels, entry.size_mb) == (32, 3, 0.0)
    assert entry.refused == {"train/cat/bad.png": "file is not a picture that can be read"}


def test_damaged_data_sets_are_listed_with_the_reason(folder: Path) -> None:
    packed(folder / "cut.tar.zst", class_files())
    archive = folder / "cut.tar.zst"
    archive.write_bytes(archive.read_bytes()[:-50])
    put(folder / "few", class_files(3, 1))
    (folder / "junk.tar.zst").write_text("not an archive")
    assert entries()["cut"].state == "present"  # nothing was read yet
    for name in ("cut", "few", "junk"):
        with pytest.raises(DatasetError):
            load_dataset(name)
    found = entries()
    assert {found[name].state for name in ("cut", "few", "junk")} == {"damaged"}
    assert "Copy or download it again." in (found["cut"].problem or "")
    assert "too few usable training images" in (found["few"].problem or "")
    assert "is not the archive its name says" in (found["junk"].problem or "")


def test_known_images_that_are_not_here_are_no_riddle(folder: Path) -> None:
    with pytest.raises(DatasetError) as raised:
        load_dataset("cifar10")
    assert str(raised.value) == (
        "The images of CIFAR-10 are not on this machine. Get them with “orthoui datasets get cifar10” (170 MB). "
        f"If this machine is offline, download {KNOWN['cifar10'].remote.url} elsewhere and put the file into {folder}"
        f", as it is. A folder {folder}/cifar10 with train/CLASS/… and test/CLASS/… does as well, also inside "
        "cifar10.tar.zst."
    )


def test_an_unknown_name_names_what_is_there_and_what_can_be_had(folder: Path) -> None:
    put(folder / "pets", class_files())
    with pytest.raises(UnknownNameError) as raised:
        load_dataset("../pets")
    assert str(raised.value) == (
        "There is no data set “../pets”. Choose one of: fashion-mnist, pets. “orthoui datasets get NAME” downloads "
        f"cifar10, cifar100, tinyimagenet. Your own images go into {folder}/NAME, one folder per class."
    )


def test_an_official_folder_without_its_list_gives_way_to_the_archive(folder: Path) -> None:
    put(folder / "tiny-imagenet-200", {"train/n01/images/1.JPEG": picture("cat", kind="JPEG")})
    assert "lacks val/val_annotations.txt" in (entries()["tinyimagenet"].problem or "")
    zipped(folder / "tiny-imagenet-200.zip", many_tiny())
    assert load_dataset("tinyimagenet").source == "tiny-imagenet-200.zip"


def test_sessions_that_come_first_at_once_share_one_data_set(folder: Path) -> None:
    put(folder / "pets", class_files())
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(load_dataset("pets"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(map(id, found))) == 1


def test_another_data_folder_is_another_world(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orthoui.settings import settings

    put(folder / "pets", class_files())
    first = load_dataset("pets")
    put(tmp_path / "elsewhere" / "pets", class_files(classes=("dog", "eel")))
    monkeypatch.setenv("ORTHOUI_DATA", str(tmp_path / "elsewhere"))
    settings.cache_clear()
    assert load_dataset("pets").classes != first.classes


def test_a_folder_that_changed_is_read_anew_and_only_the_newest_version_is_held(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder / "pets", class_files())
    first = load_dataset("pets")
    put(folder / "pets", class_files(classes=("eel",)))
    fetch_dataset("pets")  # what “Read the images” does: it looks at once
    assert load_dataset("pets").classes == ("cat", "dog", "eel")
    monkeypatch.setattr(catalog, "LOOKS", 0)
    put(folder / "pets", class_files(classes=("fox",)))
    fetch_dataset("pets")
    newest = load_dataset("pets")
    assert newest.classes == ("cat", "dog", "eel", "fox") and first.classes == ("cat", "dog")
    assert load_dataset("pets") is newest
    assert catalog._load.cache_info().currsize == 1


def test_a_change_is_noticed_without_being_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder / "pets", class_files())
    load_dataset("pets")
    monkeypatch.setattr(catalog, "LOOKS", 0)
    assert fetch_dataset("pets").classes == ("cat", "dog")
    (folder / "pets" / "train" / "dog").rename(folder / "pets" / "train" / "wolf")
    (folder / "pets" / "test" / "dog").rename(folder / "pets" / "test" / "wolf")
    assert load_dataset("pets").classes == ("cat", "wolf")


def test_files_are_not_looked_at_in_every_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder / "pets", class_files())
    monkeypatch.setattr(catalog, "LOOKS", 1e9)
    data = load_dataset("pets")
    monkeypatch.setattr(catalog, "find_sources", lambda _: pytest.fail("the files were looked at again"))
    assert all(load_dataset("pets") is data for _ in range(3))


def test_images_that_became_damaged_are_said_to_be_in_every_call(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "LOOKS", 0)
    put(folder / "pets", class_files())
    load_dataset("pets")
    for picture_file in (folder / "pets" / "train" / "cat").iterdir():
        picture_file.write_bytes(b"x")
    for _ in range(2):
        with pytest.raises(DatasetError, match="pets holds only the class dog"):
            load_dataset("pets")
