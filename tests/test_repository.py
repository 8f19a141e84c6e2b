"""What may and may not be in the repository."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 1_000_000
ASSETS_LIMIT = 80 * MEGABYTE
NOT_OURS = {".git", ".venv", "__pycache__", "build", "dist", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
NOT_OURS |= {".hypothesis"}

# Written so that this file does not match itself.
INDEX_ADDRESS = re.compile(
    rb"py[p]i\.org|python[h]osted\.org|https?://[^\s\"'<>]+/simple\b|download\.pytorch[.]org/whl"
    rb"|--(extra-|default-)?[i]ndex-url|\b[i]ndex[-_]url\s*=|(PIP|UV)_(EXTRA_|DEFAULT_)?[I]NDEX",
    re.IGNORECASE,
)
PICKLED = re.compile(r"\.(pt|pth|pkl|pickle|ckpt|joblib)$", re.IGNORECASE)
DEPENDENCY_LIST = re.compile(
    r"(^|/)([\w.-]*requirements[\w.-]*\.(txt|in)|constraints\.txt|setup\.(py|cfg)|environment\.ya?ml"
    r"|Pipfile(\.lock)?|poetry\.lock|uv\.lock|pdm\.lock)$"
)


def in_git() -> list[Path] | None:
    """Files that git tracks or would take; ``None`` where there is no git or no repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        return None
    # the folder may belong to another user, as in a container
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    files = {ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name}
    return sorted(file for file in files if file.is_file())


def in_folder() -> list[Path]:
    """Every file of the folder, without the caches and environments that are never committed."""
    found = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in NOT_OURS and not name.endswith(".egg-info")]
        found += [Path(folder) / name for name in names]
    return sorted(found)


def files() -> list[Path]:
    listed = in_git()
    return in_folder() if listed is None else listed


def names() -> list[str]:
    return [file.relative_to(ROOT).as_posix() for file in files()]


def test_the_files_are_found() -> None:
    assert {"pyproject.toml", "Makefile", "app.py", ".ci/run", ".streamlit/config.toml"} <= set(names())
    assert set(files()) <= set(in_folder())


def test_no_file_names_a_package_index() -> None:
    assert [str(file) for file in files() if INDEX_ADDRESS.search(file.read_bytes())] == []


def test_the_assets_stay_small() -> None:
    assets = [file for file in files() if file.is_relative_to(ROOT / "assets")]
    assert assets
    size = sum(file.stat().st_size for file in assets)
    assert size < ASSETS_LIMIT, f"assets/ holds {size / MEGABYTE:.1f} MB"


def test_no_file_is_a_pickle() -> None:
    assert [name for name in names() if PICKLED.search(name)] == []


def test_dependencies_are_listed_once() -> None:
    assert [name for name in names() if DEPENDENCY_LIST.search(name)] == []


@pytest.mark.parametrize(
    "line",
    [
        "pip install --index" + "-url https://mirror.example/ torch",
        "pip install --extra-index" + "-url somewhere",
        "https://py" + "pi.org/project/torch",
        "https://mirror.example/root/any/" + "simple/",
        "https://mirror.example/" + "simple",
        "PIP_IN" + "DEX_URL=somewhere",
        "index" + "-url = somewhere",
        "https://download.pytorch" + ".org/whl/cpu",
    ],
)
def test_an_index_address_is_found(line: str) -> None:
    assert INDEX_ADDRESS.search(line.encode())


@pytest.mark.parametrize("line", ["a simple / plain network", "https://example.org/simplest", "index of the class"])
def test_other_words_are_no_index_address(line: str) -> None:
    assert not INDEX_ADDRESS.search(line.encode())


@pytest.mark.parametrize("name", ["assets/a.pt", "assets/models/b.PTH", "c.pkl", "lab/d.ckpt"])
def test_a_pickle_is_found(name: str) -> None:
    assert PICKLED.search(name)


@pytest.mark.parametrize("name", ["requirements.txt", "docs/requirements-dev.txt", "setup.py", "environment.yml"])
def test_a_second_dependency_list_is_found(name: str) -> None:
    assert DEPENDENCY_LIST.search(name)


def test_ordinary_names_are_allowed() -> None:
    for name in ("pyproject.toml", "orthoui/setup_page.py", "docs/environment.md", "assets/a.safetensors"):
        assert not PICKLED.search(name)
        assert not DEPENDENCY_LIST.search(name)
