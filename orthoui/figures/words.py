"""Numbers and names as people read them in charts: percent, signed points, wrapped lines, short names."""

import html
import textwrap
from collections.abc import Sequence

import numpy as np

from orthoui.figures.kinds import Floats

MINUS = "−"


def percent(value: float | None, decimals: int = 1) -> str:
    """Return ``97.2 %``; a missing value is never a zero.

    >>> percent(97.234), percent(None)
    ('97.2 %', 'not measured')
    """
    return "not measured" if value is None else f"{value:.{decimals}f} %"


def signed(value: float, decimals: int = 1) -> str:
    """Return a difference with its sign; what rounds to zero has none.

    >>> signed(0.42), signed(-12.34), signed(-0.01)
    ('+0.4', '−12.3', '0.0')
    """
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else MINUS) + text


def lines(text: str, measure: int) -> list[str]:
    """Break plain text into lines of at most ``measure`` characters."""
    return textwrap.wrap(text, measure, break_long_words=True)


def markup(parts: Sequence[str]) -> str:
    """Join plain lines into the small HTML that Plotly draws; a ``<`` in a class name stays a ``<``."""
    return "<br>".join(html.escape(part, quote=False) for part in parts)


def short(name: str, limit: int = 16) -> str:
    """Return a name of at most ``limit`` characters; what is cut is marked.

    >>> short("aquarium_fish_of_the_sea", 12)
    'aquarium_fi…'
    """
    return name if len(name) <= limit else name[: limit - 1].rstrip() + "…"


def tabular(text: str) -> str:
    """Ask for figures of equal width, so that numbers under each other line up."""
    return f'<span style="font-variant-numeric:tabular-nums">{text}</span>'


def probability_line(probabilities: Floats, classes: Sequence[str], top: int = 3) -> str:
    """Return the likeliest classes of one image as text, for example ``Sneaker 94 % · Sandal 5 %``.

    ``probabilities`` is (classes,), between 0 and 1. Classes below half a percent are left out, except the first.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if values.shape != (len(classes),):
        raise ValueError(f"{values.shape} probabilities do not fit {len(classes)} classes.")
    order = np.argsort(-values, kind="stable")[:top]
    shown = [int(index) for place, index in enumerate(order) if place == 0 or values[index] >= 0.005]
    return " · ".join(f"{classes[index]} {_rounded(float(values[index]))} %" for index in shown)


def _rounded(probability: float) -> str:
    """Return whole percent; nothing short of certainty is written as 100, nothing above zero as 0."""
    whole = round(100 * probability)
    if whole == 100 and probability < 0.9995:
        return ">99"
    return "<1" if whole == 0 and probability > 0 else str(whole)
