"""Registries, settings, and files written whole or not at all."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from orthoui.errors import UnknownNameError
from orthoui.files import write_atomically
from orthoui.registry import Registry
from orthoui.settings import Settings, assets_folder, settings


def test_a_registry_keeps_order_and_refuses_duplicates() -> None:
    registry = Registry[int]("number")
    registry.add("one")(1)
    registry.add("two")(2)
    assert (list(registry), len(registry), registry["two"]) == (["one", "two"], 2, 2)
    with pytest.raises(ValueError, match="The number “one” is registered twice"):
        registry.add("one")(3)
    assert registry["one"] == 1


def test_an_unknown_entry_names_the_ones_there_are_and_not_thousands() -> None:
    registry = Registry[int]("number")
    with pytest.raises(UnknownNameError, match=r"There is no number “x”\. Choose one of: none is available\."):
        registry["x"]
    for number in range(30):
        registry.add(str(number))(number)
    with pytest.raises(UnknownNameError) as raised:
        registry["x"]
    assert str(raised.value).endswith("22, 23, … (30 in all).")


def test_settings_come_from_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().home == home
    assert settings().data_folder == home / "data"
    assert settings().cache_folder == home / "cache"
    assert settings().model_folders == (assets_folder() / "models", home / "models")
    monkeypatch.setenv("ORTHOUI_DATA", "~/pictures")
    monkeypatch.setenv("ORTHOUI_DEVICE", "cuda:1")
    assert Settings().data_folder == Path("~/pictures").expanduser()
    assert Settings().device == "cuda:1"
    assert settings().device == "auto"  # read once


@pytest.mark.parametrize(("name", "value"), [("DEVICE", "abacus"), ("MEMO_MB", "0"), ("MEMO_MB", "much")])
def test_a_senseless_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ORTHOUI_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_a_file_is_written_whole_into_folders_that_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_crash_before_the_end_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def crash(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
