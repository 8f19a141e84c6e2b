"""Sources: every file comes once, in a fixed order; what cannot be used comes with the reason."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from orthoui.data.known import CIFAR10, CIFAR100
from orthoui.data.sources import FORMS, CifarSource, FolderSource, Source, TarSource, TinyImageNetSource
from orthoui.errors import DatasetError
from tests.data.made import cifar_records, class_files, packed, picture, put


def usable(source: Source) -> list[str]:
    return [found.path for found in source.files() if found.content is not None]


def problems(source: Source) -> dict[str, str]:
    return {found.path: found.problem for found in source.files() if found.content is None}


def refused(source: Source) -> str:
    with pytest.raises(DatasetError) as raised:
        list(source.files())
    return str(raised.value)


def test_a_folder_yields_its_files_by_name_and_its_share(tmp_path: Path) -> None:
    files = class_files(2, 1)
    source = FolderSource(put(tmp_path / "pets", files), "pets")
    found = list(source.files())
    assert {file.path: file.content for file in found} == files
    assert [file.path for file in found] == sorted(files)
    shares = [file.share for file in found]
    assert shares == sorted(shares) and shares[-1] == 1
    assert source.size() == sum(map(len, files.values()))


def test_a_sample_is_spread_over_the_folder(tmp_path: Path) -> None:
    source = FolderSource(put(tmp_path / "pets", class_files(20, 5)), "pets")
    sample = [found.path for found in source.files(at_most=10)]
    assert 10 <= len(sample) <= 12
    assert {path.rsplit("/", 1)[0] for path in sample} == {"train/cat", "train/dog", "test/cat", "test/dog"}


def test_what_a_folder_holds_besides_pictures_is_named(tmp_path: Path) -> None:
    folder = put(
        tmp_path / "pets",
        {
            "cat/1.png": b"x",
            "cat/.DS_Store": b"x",
            "cat/notes.txt": b"x",
            ".git/config.png": b"x",
            "a/b/c/d/e/f/g/1.png": b"x",
        },
    )
    (folder / "empty").mkdir()
    (tmp_path / "secret.png").write_bytes(b"private")
    (folder / "cat" / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "cat" / "in.png").symlink_to(folder / "cat" / "1.png")
    (folder / "cat" / "gone.png").symlink_to(folder / "nothing.png")
    (folder / "loop").symlink_to(folder)
    (folder / "outside").symlink_to(tmp_path)
    os.mkfifo(folder / "cat" / "pipe.png")
    source = FolderSource(folder, "pets")
    assert usable(source) == ["cat/1.png", "cat/in.png"]
    assert problems(source) == {
        ".git": "a hidden folder",
        "a/b/c/d/e/f/g": "a folder too deep inside",
        "cat/.DS_Store": "a hidden file",
        "cat/gone.png": "cannot be read (No such file or directory)",
        "cat/notes.txt": "not a picture by its name",
        "cat/out.png": "a link that leaves the folder",
        "cat/pipe.png": "not an ordinary file",
        "empty": "an empty folder",
        "loop": "a link to a folder",
        "outside": "a link that leaves the folder",
    }


def test_a_file_of_too_many_bytes_is_not_read(tmp_path: Path) -> None:
    folder = put(tmp_path / "pets", {"cat/1.png": b""})
    os.truncate(folder / "cat" / "1.png", 30_000_000)
    assert problems(FolderSource(folder, "pets")) == {"cat/1.png": "30 MB; at most 25 MB are allowed"}


def test_a_fingerprint_follows_every_change(tmp_path: Path) -> None:
    folder = put(tmp_path / "pets", class_files(2, 1))
    source = FolderSource(folder, "pets")
    seen = [source.fingerprint()]
    assert source.fingerprint() == seen[0]
    (folder / "train/cat/000.png").write_bytes(b"other")
    seen.append(source.fingerprint())
    (folder / "train/cat/000.png").rename(folder / "train/cat/999.png")
    seen.append(source.fingerprint())
    (tmp_path / "pets_classes.txt").write_text("cat\tfelis")
    seen.append(source.fingerprint())
    assert len(set(seen)) == len(seen)
    archive = TarSource(packed(tmp_path / "pets.tar.zst", class_files(2, 1)), "pets")
    before = archive.fingerprint()
    os.utime(archive.path, ns=(1, 1))
    assert archive.fingerprint() != before
    archive.path.unlink()
    with pytest.raises(DatasetError, match=r"pets\.tar\.zst cannot be read \(No such file or directory\)"):
        archive.fingerprint()


def test_names_of_classes_come_from_the_list_beside(tmp_path: Path) -> None:
    (tmp_path / "pets_classes.txt").write_text("cat\thouse cat, Felis\nbig dog\tCanis\nlonely\n\nn01 wolf, x\n")
    source = FolderSource(put(tmp_path / "pets", class_files(1, 1)), "pets")
    assert source.class_names() == {"cat": "house cat", "big dog": "Canis", "n01": "wolf"}


def test_an_archive_yields_the_same_files(tmp_path: Path) -> None:
    files = {f"./pets/{path}": content for path, content in class_files(3, 1).items()}
    source = TarSource(packed(tmp_path / "pets.tar.zst", files), "pets")
    found = list(source.files())
    assert {file.path: file.content for file in found} == {path[2:]: content for path, content in files.items()}
    assert 0 < found[0].share <= found[-1].share <= 1


def test_members_that_lead_out_of_the_archive_are_refused_by_name(tmp_path: Path) -> None:
    def more(tar: tarfile.TarFile) -> None:
        for name, kind in (("cat/link.png", tarfile.SYMTYPE), ("cat/device.png", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        folder = tarfile.TarInfo("cat")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)

    files = {
        "cat/1.png": b"x",
        "/etc/2.png": b"x",
        "cat/../../3.png": b"x",
        "c\\..\\4.png": b"x",
        "cat/._5.png": b"x",
    }
    source = TarSource(packed(tmp_path / "pets.tar.zst", files, more), "pets")
    assert usable(source) == ["cat/1.png"]
    assert problems(source) == {
        "/etc/2.png": "a path that leads out of the archive",
        "cat/../../3.png": "a path that leads out of the archive",
        "c\\..\\4.png": "a path that leads out of the archive",
        "cat/._5.png": "a hidden file",
        "cat/link.png": "not an ordinary file",
        "cat/device.png": "not an ordinary file",
    }


@given(st.floats(0, 0.999))
@examples(max_examples=40)
def test_an_archive_that_is_cut_off_never_passes_for_a_whole_one(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    archive = packed(tmp_path_factory.mktemp("cut") / "pets.tar.zst", class_files(6, 2))
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    said = refused(TarSource(archive, "pets"))
    assert "pets.tar.zst" in said and said.endswith("Copy or download it again.")


def test_a_tar_that_ends_between_two_files_is_cut_off_too(tmp_path: Path) -> None:
    import zstandard

    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for number in range(2):
            member = tarfile.TarInfo(f"cat/{number}.png")
            member.size = 512
            tar.addfile(member, io.BytesIO(bytes([7]) * 512))
    archive = tmp_path / "pets.tar.zst"
    archive.write_bytes(zstandard.ZstdCompressor().compress(whole.getvalue()[: 2 * 512]))
    assert refused(TarSource(archive, "pets")) == f"{archive} is cut off. Copy or download it again."


@given(st.integers(0, 10**6), st.integers(0, 255))
@examples(max_examples=60)
def test_a_damaged_byte_in_an_archive_is_a_sentence_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    archive = packed(tmp_path_factory.mktemp("bad") / "pets.tar.zst", class_files(3, 1))
    content = bytearray(archive.read_bytes())
    content[place % len(content)] = value
    archive.write_bytes(bytes(content))
    try:
        list(TarSource(archive, "pets").files())
    except DatasetError as error:
        assert "pets.tar.zst" in str(error)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x28\xb5\x2f\xfdnonsense"])
def test_what_is_no_archive_is_explained(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "pets.tar.zst"
    archive.write_bytes(content)
    assert "pets.tar.zst cannot be read (" in refused(TarSource(archive, "pets"))


def cifar(path: Path, name: str, version: int) -> CifarSource:
    return CifarSource(path, name, FORMS[name][version], {"cifar10": CIFAR10, "cifar100": CIFAR100}[name])


def binary_files(name: str, rows: int = 4) -> dict[str, bytes]:
    form = FORMS[name][0]
    return {
        f"{form.folder}/{file}": cifar_records([place % 10, 3, 9, 0][:rows], form.label_bytes, place)
        for place, file in enumerate((*form.train, *form.test))
    }


def gzipped(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


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


def tiny_files() -> dict[str, bytes]:
    files = {f"train/n0{c}/images/n0{c}_{n}.JPEG": picture("cat", n, kind="JPEG") for c in (1, 2) for n in range(2)}
    files |= {f"val/images/val_{n}.JPEG": picture("dog", n, kind="JPEG") for n in range(3)}
    files["val/val_annotations.txt"] = b"val_0.JPEG\tn02\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\n"
    files["train/n01/n01_boxes.txt"] = b"n01_0.JPEG\t0\t0\t9\t9"
    files["test/images/test_0.JPEG"] = picture("eel", kind="JPEG")
    files["words.txt"] = b"n01\tgoldfish, Carassius auratus\nn02\ttailed frog\nn99\tentity\n"
    return {f"tiny-imagenet-200/{path}": content for path, content in files.items()}


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


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
