"""CIFAR and TinyImageNet as their makers pack them, whole and damaged."""

from pathlib import Path

import numpy as np
import pytest

from orthoui.data.known import CIFAR10, CIFAR100
from orthoui.data.sources import FORMS, CifarSource, TinyImageNetSource
from orthoui.errors import DatasetError
from tests.data.made import binary_files, gzipped, put, tiny_files, zipped
from tests.data.reading import problems, refused, usable


def cifar(path: Path, name: str, version: int) -> CifarSource:
    return CifarSource(path, name, FORMS[name][version], {"cifar10": CIFAR10, "cifar100": CIFAR100}[name])


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize("unpacked", [True, False])
def test_cifars_binary_version_is_read_packed_or_not(tmp_path: Path, name: str, unpacked: bool) -> None:
    files, form = binary_files(name), FORMS[name][0]
    path = put(tmp_path, files) / form.folder if unpacked else gzipped(tmp_path / form.archive, files)
    source = cifar(path, name, 0)
    found = list(source.files())
    classes = CIFAR10 if name == "cifar10" else CIFAR100
    assert len(found) == 4 * len(files)
    assert found[1].path == f"train/{classes[3]}/{form.train[0]}-00001"
    assert found[-2].path == f"test/{classes[9]}/{form.test[0]}-00002"
    record = np.frombuffer(files[f"{form.folder}/{form.train[0]}"], np.uint8).reshape(4, -1)[1]
    assert isinstance(found[1].content, np.ndarray)
    assert np.array_equal(found[1].content.reshape(-1), record[-3072:])
    assert found[1].content.shape == (3, 32, 32)
    assert len(source.fingerprint()) == 16 and source.size() > 0


def token_file(key: bytes, labels: list[int], pixels: np.ndarray, *, by_columns: bool) -> bytes:
    """A batch as Python 2 wrote it: a dictionary of a list and an array, in the second pickle protocol."""
    flag = b"\x88" if by_columns else b"\x89"
    raw = (pixels.T if by_columns else pixels).tobytes()
    listed = b"]q\x03(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07(K\x01"
        b"M" + len(pixels).to_bytes(2, "little") + b"M\x00\x0c\x86cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + flag
        + b"T"
        + len(raw).to_bytes(4, "little")
        + raw
        + b"tb"
    )
    others = b"U\x0dcoarse_labels]q\x09(K\x63K\x62e"
    return (
        b"\x80\x02}q\x01(U\x0bbatch_labelU\x15training batch 1 of 5q\x02U"
        + bytes([len(key)])
        + key
        + listed
        + others
        + b"U\x04dataq\x04"
        + array
        + b"u."
    )


@pytest.mark.parametrize(("name", "key"), [("cifar10", b"labels"), ("cifar100", b"fine_labels")])
@pytest.mark.parametrize("by_columns", [True, False])
def test_cifars_python_version_is_read_without_unpickling(
    tmp_path: Path, name: str, key: bytes, by_columns: bool
) -> None:
    form = FORMS[name][1]
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3072), dtype=np.uint8)
    content = token_file(key, [5, 0, 9], pixels, by_columns=by_columns)
    files = {f"{form.folder}/{file}": content for file in (*form.train, *form.test)}
    found = list(cifar(put(tmp_path, files) / form.folder, name, 1).files())
    classes = CIFAR10 if name == "cifar10" else CIFAR100
    assert [file.path.split("/")[1] for file in found[:3]] == [classes[5], classes[0], classes[9]]
    for file, row in zip(found[:3], pixels, strict=True):
        assert np.array_equal(np.asarray(file.content).reshape(-1), row)


def test_a_pickle_in_cifars_place_is_never_run(tmp_path: Path) -> None:
    import pickle

    sprung = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (sprung,)

    form = FORMS["cifar10"][1]
    content = pickle.dumps({"labels": [1], "data": Trap()}, protocol=2)
    folder = put(tmp_path, {f"{form.folder}/{file}": content for file in (*form.train, *form.test)}) / form.folder
    assert "cifar-10-batches-py" in refused(cifar(folder, "cifar10", 1))
    assert not sprung.exists()


@pytest.mark.parametrize("change", ["missing", "short", "label", "empty", "text"])
def test_a_damaged_cifar_is_explained(tmp_path: Path, change: str) -> None:
    files, form = binary_files("cifar10"), FORMS["cifar10"][0]
    folder = put(tmp_path, files) / form.folder
    last = folder / form.test[0]
    whole = last.read_bytes()
    if change == "missing":
        last.unlink()
    else:
        changed = {"short": whole[:-5], "label": b"\x0b" + whole[1:], "empty": b"", "text": b"words"}[change]
        last.write_bytes(changed)
    assert str(folder) in refused(cifar(folder, "cifar10", 0))
    archive = tmp_path / form.archive
    archive.write_bytes(gzipped(tmp_path / "whole", files).read_bytes()[:-3000])
    assert "cannot be read" in refused(cifar(archive, "cifar10", 0))


@pytest.mark.parametrize("unpacked", [True, False])
def test_tinyimagenets_validation_images_are_its_test_split(tmp_path: Path, unpacked: bool) -> None:
    files = tiny_files()
    path = put(tmp_path, files) / "tiny-imagenet-200" if unpacked else zipped(tmp_path / "tiny.zip", files)
    source = TinyImageNetSource(path, "tinyimagenet")
    assert usable(source) == [
        "train/n01/n01_0.JPEG",
        "train/n01/n01_1.JPEG",
        "train/n02/n02_0.JPEG",
        "train/n02/n02_1.JPEG",
        "test/n02/val_0.JPEG",
        "test/n01/val_1.JPEG",
    ]
    assert source.class_names()["n01"] == "goldfish"
    assert len(source.fingerprint()) == 16 and source.size() > 0


def test_a_damaged_picture_in_a_zip_is_named_and_a_damaged_zip_explained(tmp_path: Path) -> None:
    files = tiny_files()
    archive = zipped(tmp_path / "tiny.zip", files)
    content = bytearray(archive.read_bytes())
    place = content.index(b"n01_1.JPEG") + len(b"n01_1.JPEG") + 60
    content[place : place + 40] = bytes(40)
    archive.write_bytes(bytes(content))
    source = TinyImageNetSource(archive, "tinyimagenet")
    assert list(problems(source)) == ["train/n01/n01_1.JPEG"]
    archive.write_bytes(bytes(content)[:-200])
    assert "tiny.zip cannot be read" in refused(source)
    with pytest.raises(DatasetError, match=r"tiny\.zip cannot be read"):
        source.class_names()
    del files["tiny-imagenet-200/val/val_annotations.txt"]
    assert "cannot be read" in refused(TinyImageNetSource(zipped(tmp_path / "b.zip", files), "tinyimagenet"))
