"""Finding and installing the browser for the browser tests; none is started or installed here."""

from pathlib import Path

import pytest

from orthoui.bench import browser as library
from orthoui.bench.browser import VARIABLE, NoBrowserError, find_chromium
from tests.browser import chromium
from tests.browser.chromium import ensure_chromium

GOOD = "#!/bin/sh\necho Chromium 140.0\n"
PLACEHOLDER = "#!/bin/sh\necho Install the snap first >&2\nexit 1\n"


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No browser chosen and none of Playwright's."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(library, "_playwrights_own", lambda: tmp_path / "none")


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(text)
    file.chmod(0o755)
    return file


def test_one_on_path_is_found(tmp_path: Path) -> None:
    file = program(tmp_path / "bin", "google-chrome", GOOD)
    assert find_chromium({"PATH": str(file.parent)}) == file


def test_a_placeholder_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    program(folder, "chromium-browser", PLACEHOLDER)
    file = program(folder, "google-chrome-stable", GOOD)
    assert find_chromium({"PATH": str(folder)}) == file


def test_the_chosen_one_comes_first(tmp_path: Path) -> None:
    on_path = program(tmp_path / "bin", "chromium", GOOD)
    chosen = program(tmp_path / "own", "my-browser", GOOD)
    assert find_chromium({"PATH": str(on_path.parent), VARIABLE: str(chosen)}) == chosen


def test_a_chosen_one_that_does_not_start_is_not_replaced(tmp_path: Path) -> None:
    on_path = program(tmp_path / "bin", "chromium", GOOD)
    with pytest.raises(NoBrowserError, match="not a Chromium that starts"):
        find_chromium({"PATH": str(on_path.parent), VARIABLE: str(tmp_path / "absent")})


def test_playwrights_own_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = program(tmp_path / "playwright", "chrome", GOOD)
    monkeypatch.setattr(library, "_playwrights_own", lambda: own)
    assert find_chromium({"PATH": str(tmp_path)}) == own


def test_none_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoBrowserError, match=r"there is none.*make test.*ORTHOUI_TEST_BROWSER"):
        find_chromium({"PATH": str(tmp_path)})


def nothing_yet() -> Path:
    raise NoBrowserError("there is none")


@pytest.mark.parametrize("apt", [True, False])
def test_debians_is_tried_before_playwrights(monkeypatch: pytest.MonkeyPatch, apt: bool) -> None:
    monkeypatch.setattr(chromium, "_may_use_apt", lambda: apt)
    commands: list[list[str]] = []

    def fail(command: list[str]) -> bool:
        commands.append(command)
        return command[1] == "update"

    with pytest.raises(NoBrowserError, match="there is none"):
        ensure_chromium(nothing_yet, fail)
    tried = [" ".join(command[1:]) for command in commands]
    debian = ["update", "install --yes --no-install-recommends chromium"] if apt else []
    extra = " --with-deps" if apt else ""
    assert tried == [*debian, f"-m playwright install{extra} chromium"]


def test_what_was_installed_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(chromium, "_may_use_apt", lambda: True)
    file = tmp_path / "chromium"

    def install(command: list[str]) -> bool:
        if command[1] == "install":
            file.touch()
        return True

    def find() -> Path:
        return file if file.exists() else nothing_yet()

    assert ensure_chromium(find, install) == file


def test_a_failure_is_an_exit_code_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent"))
    assert chromium.main() == 1
    assert "not a Chromium that starts" in capsys.readouterr().err
