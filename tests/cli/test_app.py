"""The program itself: what it lists, and that asking for help costs nothing."""

import os
import socket
import subprocess
import sys

import pytest
import typer
from pydantic import ValidationError

import orthoui
from orthoui.cli.common import reports_errors
from orthoui.errors import CancelledError, CheckpointError, OrthoError
from orthoui.forgetting.request import ForgetRequest
from tests.cli.calling import call, refusal
from tests.cli.conftest import forget_caches


def test_help_lists_the_commands_and_leaves_out_upkeep() -> None:
    shown = call("--help").stdout
    for command in ("run", "forget", "methods", "models", "datasets", "train", "recommend", "record"):
        assert f" {command} " in shown
    assert " embed " not in shown
    assert call("embed --help").exit_code == 0


def test_the_version_is_the_packages() -> None:
    assert call("--version").stdout == f"orthoui {orthoui.__version__}\n"


def test_asking_for_help_loads_no_heavy_library() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from orthoui.cli.app import app; "
        "failed = CliRunner().invoke(app, ['--help']).exit_code; "
        "sys.exit(failed or ', '.join({'torch', 'numpy', 'streamlit', 'PIL'} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr.strip()) in [(0, ""), (1, "")]


@pytest.mark.parametrize(
    ("error", "code"), [(CheckpointError("It is damaged."), 2), (CancelledError("It was cancelled."), 1)]
)
def test_errors_become_a_sentence_and_a_code(
    error: OrthoError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing() -> None:
        raise error

    with pytest.raises(typer.Exit) as raised:
        reports_errors(failing)()
    assert raised.value.exit_code == code
    assert capsys.readouterr().err == f"{error}\n"


def test_a_refused_value_becomes_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> None:
        ForgetRequest(classes=(0,), ratio=0.9)

    with pytest.raises(typer.Exit) as raised:
        reports_errors(failing)()
    assert isinstance(raised.value.__cause__, ValidationError)
    assert raised.value.exit_code == 2
    assert capsys.readouterr().err == "Ratio cannot be 0.9: choose a number of at most 0.5.\n"


def test_bugs_keep_their_traceback() -> None:
    def failing() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        reports_errors(failing)()


def test_a_device_that_is_not_one_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORTHOUI_DEVICE", "toaster")
    forget_caches()
    assert "Device cannot be “toaster”: where to compute: auto, cpu, mps, cuda or cuda:N." in refusal("models")


@pytest.mark.parametrize(("port", "words"), [(0, "There is no port 0."), (70_000, "There is no port 70000.")])
def test_a_port_that_does_not_exist_is_explained(port: int, words: str) -> None:
    assert words in refusal(f"run --port {port}")


def test_a_taken_port_is_explained_with_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = refusal(f"run --address 127.0.0.1 --port {port}")
    assert f"Port {port} is already taken" in said
    assert "is free: try “orthoui run --port" in said
