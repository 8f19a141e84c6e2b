"""Numbers and names as people read them in charts: percent, signed points, short names."""

import html
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


def sentence(text: str) -> str:
    """End a title with a full stop, so that more sentences can follow it."""
    text = text.strip()
    return text if not text or text[-1] in ".!?" else text + "."


def markup(text: str) -> str:
    """Return a text as HTML, which is what Plotly draws; a ``<`` in a class name stays a ``<``."""
    return html.escape(text, quote=False)


def short(name: str, limit: int = 16, tail: int = 0) -> str:
    """Return a name of at most ``limit`` characters; what is cut is marked, its last ``tail`` characters stay.

    >>> short("aquarium_fish_of_the_sea", 12), short("layer2.0.downsample.0", 16, 4)
    ('aquarium_fi…', 'layer2.0.do…le.0')
    """
    if len(name) <= limit:
        return name
    return name[: limit - 1 - tail].rstrip() + "…" + (name[-tail:] if tail else "")


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
