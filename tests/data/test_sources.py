"""Folders and archives as sources: every file comes once, in order; what cannot be used comes with the reason."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from orthoui.data.sources import FolderSource, TarSource
from orthoui.errors import DatasetError
from tests.data.made import class_files, packed, put
from tests.data.reading import problems, refused, usable


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
