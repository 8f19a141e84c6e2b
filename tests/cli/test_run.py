"""``orthoui run``: what it starts, where it says to look, and which ports it refuses."""

import errno
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from orthoui.cli import run as run_module
from orthoui.cli.run import check_port, link
from orthoui.errors import RequestError
from orthoui.settings import app_folder
from tests.browser.driver import free_port
from tests.cli.calling import call, refusal
from tests.cli.conftest import forget_caches

Started = dict[str, Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder: nothing here needs a model."""
    monkeypatch.setenv("ORTHOUI_HOME", str(tmp_path))
    forget_caches()
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """What would have become the server, noted instead of started."""
    noted: Started = {}

    def note(program: str, arguments: list[str], environment: dict[str, str]) -> None:
        noted.update(program=program, arguments=arguments, environment=environment)

    monkeypatch.setattr(os, "execve", note)
    monkeypatch.setattr(os, "chdir", lambda folder: noted.update(folder=folder))
    return noted


def test_the_server_starts_on_the_app_in_its_own_folder(started: Started, home: Path) -> None:
    port = free_port()
    result = call(f"run --port {port}")
    assert result.exit_code == 0, result.stderr
    assert f"http://localhost:{port}" in result.stdout
    assert started["program"] == sys.executable
    assert started["folder"] == app_folder()
    assert (app_folder() / ".streamlit" / "config.toml").is_file()
    arguments = started["arguments"]
    assert str(app_folder() / "app.py") in arguments
    assert arguments[arguments.index("--server.port") + 1] == str(port)
    assert arguments[arguments.index("--server.address") + 1] == "localhost"
    assert started["environment"]["ORTHOUI_HOME"] == str(home)


def test_relative_folders_stay_where_the_person_is(
    started: Started, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ORTHOUI_HOME", os.path.relpath(tmp_path / "mine"))
    forget_caches()
    assert call(f"run --port {free_port()}").exit_code == 0
    assert started["environment"]["ORTHOUI_HOME"] == str(tmp_path / "mine")
    assert started["environment"]["ORTHOUI_DATA"] == str(tmp_path / "mine" / "data")


def test_a_taken_port_names_a_free_one_that_works(started: Started, home: Path) -> None:
    with socket.create_server(("localhost", 0)) as server:
        taken = server.getsockname()[1]
        said = refusal(f"run --port {taken}")
    assert not started
    assert said.startswith(f"Port {taken} is already taken")
    advised = int(said.split("--port ")[1].rstrip("”."))
    assert advised > taken
    check_port("localhost", advised)


def test_the_last_port_has_no_later_one_to_advise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "_problem", lambda address, port: errno.EADDRINUSE)
    with pytest.raises(RequestError, match=r"Port 65535 is already taken.*Choose another with --port\."):
        check_port("localhost", 65535)


def test_a_system_port_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "_problem", lambda address, port: errno.EACCES if port < 1024 else None)
    with pytest.raises(RequestError, match=r"Port 80 is kept for the system\. Port 8501 is free"):
        check_port("localhost", 80)


@pytest.mark.parametrize("address", ["192.0.2.7", "not an address", "no-such-host.invalid"])
def test_a_foreign_address_is_explained(address: str) -> None:
    with pytest.raises(RequestError, match=r"is not an address of this machine\. Use localhost"):
        check_port(address, free_port())


def test_a_port_that_is_no_number_is_refused(started: Started, home: Path) -> None:
    result = call("run --port first")
    assert result.exit_code == 2
    assert not started


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("localhost", "http://localhost:8501"),
        ("0.0.0.0", "http://localhost:8501"),  # noqa: S104  put into words only
        ("::", "http://localhost:8501"),
        ("::1", "http://[::1]:8501"),
        ("192.168.1.5", "http://192.168.1.5:8501"),
    ],
)
def test_the_address_to_open(address: str, shown: str) -> None:
    assert link(address, 8501) == shown
