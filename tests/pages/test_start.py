"""The very first visit after a start, while the libraries are still being loaded."""

import importlib
import sys
from types import ModuleType

import pytest
from streamlit.testing.v1 import AppTest

from orthoui.settings import app_folder
from tests.pages.opening import opened, text

FRAME = "orthoui.ui.frame"
SENTENCE = "Starting: libraries and the first model are being loaded …"


def test_a_visitor_who_comes_while_libraries_load_reads_so(monkeypatch: pytest.MonkeyPatch) -> None:
    load = importlib.import_module

    def stuck(name: str, package: str | None = None) -> ModuleType:
        if name == FRAME:
            raise ImportError("still loading")
        return load(name, package)

    opened()  # everything else is there
    monkeypatch.setattr(importlib, "import_module", stuck)
    monkeypatch.delitem(sys.modules, FRAME)
    app = AppTest.from_file(str(app_folder() / "app.py")).run()
    assert text(app) == SENTENCE


def test_a_later_visitor_does_not() -> None:
    assert SENTENCE not in text(opened())
