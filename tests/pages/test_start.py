"""Coming to a page: a sentence while libraries load, then skeletons until there is something to see."""

import importlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from orthoui.data import Dataset
from orthoui.errors import ResourceError
from orthoui.evaluation.outcome import Outcome
from orthoui.evaluation.pipeline import forget
from orthoui.settings import app_folder
from tests.pages.opening import opened, run, text

FRAME = "orthoui.ui.frame"
SENTENCE = "Starting: libraries are being loaded …"
RESERVED = 4
"""Headline, verdict and two charts."""


def skeletons(app: AppTest) -> int:
    return len(app.get("skeleton"))


def ends_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the page stop after so many outcomes, as it does when a person moves a control."""

    def cut_off(*given: Any, **named: Any) -> Iterator[Outcome]:
        for done, outcome in enumerate(forget(*given, **named)):
            if done == count:
                st.stop()
            yield outcome

    monkeypatch.setattr("orthoui.ui.forget_panel.forget", cut_off)


def test_a_visitor_reads_that_libraries_load_for_as_long_as_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    opened()  # everything but the frame is there
    events, load = [], importlib.import_module

    class Slot:
        def caption(self, words: str) -> None:
            events.append(words)

        def empty(self) -> None:
            events.append("gone")

    def fails(name: str, package: str | None = None) -> object:
        if name != FRAME:
            return load(name, package)
        events.append("loading")
        raise ImportError

    monkeypatch.setattr(st, "empty", Slot)
    monkeypatch.setattr(importlib, "import_module", fails)
    monkeypatch.delitem(sys.modules, FRAME)
    AppTest.from_file(str(app_folder() / "app.py")).run()
    assert events == [SENTENCE, "loading", "gone"]


def test_a_later_visitor_does_not(few_images: Dataset) -> None:
    assert SENTENCE not in text(opened())


def test_skeletons_keep_the_room_until_the_first_numbers(
    monkeypatch: pytest.MonkeyPatch, few_images: Dataset
) -> None:
    with monkeypatch.context() as patch:
        ends_after(0, patch)
        app = opened(classes="7")
        assert skeletons(app) == RESERVED
    assert skeletons(run(app)) == 0


def test_what_was_shown_once_never_turns_back_into_skeletons(
    monkeypatch: pytest.MonkeyPatch, few_images: Dataset
) -> None:
    ends_after(1, monkeypatch)
    app = opened(classes="7")
    assert skeletons(app) == 0
    ends_after(0, monkeypatch)
    assert skeletons(run(app)) == 0


def test_who_comes_back_from_another_page_sees_skeletons_again(
    monkeypatch: pytest.MonkeyPatch, few_images: Dataset
) -> None:
    ends_after(1, monkeypatch)
    app = opened(classes="7")
    run(app.switch_page("pages/lab/jobs.py"))
    ends_after(0, monkeypatch)
    assert skeletons(run(app.switch_page("pages/explore/forget.py"))) == RESERVED


def test_an_error_before_the_first_numbers_leaves_no_skeleton(
    monkeypatch: pytest.MonkeyPatch, few_images: Dataset
) -> None:
    def fails(*_: object, **__: object) -> Iterator[Outcome]:
        raise ResourceError("There is not enough memory.")
        yield

    monkeypatch.setattr("orthoui.ui.forget_panel.forget", fails)
    app = opened(classes="7")
    assert [error.value for error in app.error] == ["There is not enough memory."]
    assert skeletons(app) == 0
