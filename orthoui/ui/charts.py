"""Charts on a page: what stands above each as text of the page, and what a click on a mark chooses."""

from collections.abc import Callable
from typing import Any, TypeVar

import plotly.graph_objects as go
import streamlit as st
from pydantic import TypeAdapter, ValidationError

from orthoui.figures import CONFIG
from orthoui.ui import session

Data = TypeVar("Data")


class ChartPlace:
    """A place for one chart that is drawn several times in one run, as its numbers sharpen."""

    def __init__(self, place: Any) -> None:
        box = place.container(gap=None)
        self._head, self._plot = box.empty(), box.empty()

    def skeleton(self, height: int) -> None:
        """Show that a chart will come."""
        self._plot.skeleton(height=height)

    def empty(self) -> None:
        """Take away what is there."""
        self._head.empty()
        self._plot.empty()

    def draw(self, figure: go.Figure, key: str) -> None:
        """Show a figure that is only looked at."""
        _draw(self._head, self._plot, figure, key)


def chart(figure: go.Figure, key: str, **options: Any) -> None:
    """Show a figure; ``options`` go to Streamlit."""
    box = st.container(gap=None)
    _draw(box, box, figure, key, **options)


def _draw(head: Any, plot: Any, figure: go.Figure, key: str, **options: Any) -> None:
    about = figure.layout.meta
    if about["head"]:
        head.html(about["head"])
    plot.plotly_chart(figure, theme=None, config=CONFIG, key=key, alt=about["alt"], **options)


def clickable(figure: go.Figure, key: str, form: TypeAdapter[Data], chosen: Callable[[Data], None]) -> None:
    """Show a figure whose marks can be clicked; ``chosen`` gets the clicked mark's ``customdata``, of this form.

    What ``chosen`` refuses with an ``OrthoError`` is said above the page.
    """

    def clicked() -> None:
        picked = clicked_data(st.session_state[key], form)
        if picked is not None:
            with session.reported():
                chosen(picked)

    chart(figure, key, on_select=clicked, selection_mode="points")


def clicked_data(state: Any, form: TypeAdapter[Data]) -> Data | None:
    """Return the ``customdata`` of the clicked mark from what the browser sent.

    None where the selection was taken away, and for anything of another form: a browser can send what it likes.
    """
    try:
        return form.validate_python(state["selection"]["points"][0]["customdata"])
    except (LookupError, TypeError, ValidationError):
        return None
