"""Calling the command line from a test."""

import json
import shlex
from typing import Any

from typer.testing import CliRunner, Result

from orthoui.cli.app import app


def call(line: str) -> Result:
    """Call ``orthoui`` with a line as it would be typed in a shell."""
    return CliRunner().invoke(app, shlex.split(line))


def answer(line: str) -> dict[str, Any]:
    """Call a command with ``--json`` and return its object; stdout holds nothing else and stderr nothing."""
    result = call(f"{line} --json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def refusal(line: str) -> str:
    """Call a command that must be refused as bad input and return the sentence on stderr."""
    result = call(line)
    assert result.exit_code == 2, (result.exit_code, result.stdout, result.stderr)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1
    return str(result.stderr).strip()
