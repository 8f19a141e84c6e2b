"""One theme: colours with one meaning each, light and dark, and the layout that all figures share.

Categories are Okabe–Ito colours; in dark they are lightened until they stand out as much as on white.
A colour never speaks alone: every series also has its own symbol, dash or label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb, sequential

from orthoui.figures.heading import Key, heading
from orthoui.figures.kinds import Bytes, Label, Mode

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'
TEXT_SIZE, SMALL_SIZE = 13, 12
ABOVE = 6
"""Room over the plot for half a mark and half a label, in pixels."""
CONFIG = {"displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClick": False}
FADING = ("scatter", "scattergl", "bar")
"""Kinds of traces whose other points fade after a click on one. A click chooses something for the page here, and the
chart would blink."""
CIVIDIS: tuple[str, ...] = tuple(sequential.Cividis)


@dataclass(frozen=True)
class Palette:
    """Colours by meaning, as ``#RRGGBB``; ``background`` is what they are checked against."""

    background: str
    text: str
    muted: str
    faint: str
    before: str
    forgotten: str
    retained: str
    retrained: str
    control: str
    kept: str
    cut: str
    loss: str
    middle: str
    gain: str


PALETTES: dict[Mode, Palette] = {
    "light": Palette(
        background="#FCFBF8",
        text="#1B1F24",
        muted="#5F6873",
        faint="#E6E8EB",
        before="#6E7681",
        forgotten="#D55E00",
        retained="#0072B2",
        retrained="#009E73",
        control="#8A9099",
        kept="#7C93A8",
        cut="#111111",
        loss="#9A3D77",
        middle="#F4F4F4",
        gain="#8A6400",
    ),
    "dark": Palette(
        background="#151514",
        text="#F0F2F5",
        muted="#A3ACB8",
        faint="#262C35",
        before="#A9B1BC",
        forgotten="#F58A3C",
        retained="#56A8E0",
        retrained="#2FBF94",
        control="#858E9B",
        kept="#6D8499",
        cut="#FFFFFF",
        loss="#DE8ABF",
        middle="#22262D",
        gain="#D9AE45",
    ),
}


def palette(mode: Mode) -> Palette:
    """Return the colours of a mode."""
    return PALETTES[mode]


def translucent(colour: str, opacity: float) -> str:
    """Return ``#RRGGBB`` as a CSS colour of that opacity."""
    red, green, blue = hex_to_rgb(colour)
    return f"rgba({red},{green},{blue},{opacity:g})"


def diverging(mode: Mode) -> list[tuple[float, str]]:
    """Return the colour scale of differences, losses to gains; use it with zero at its middle.

    Purple and ochre, because blue, vermillion and green already mean something else.
    """
    tone = palette(mode)
    return [(0.0, tone.loss), (0.5, tone.middle), (1.0, tone.gain)]


def cividis(levels: int = 256) -> Bytes:
    """Return the map scale as a table of colours (levels, 3), dark blue to yellow."""
    stops = np.array([hex_to_rgb(colour) for colour in CIVIDIS], dtype=np.float64)
    places = np.linspace(0, len(stops) - 1, levels)
    mixed = [np.interp(places, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(mixed, axis=1)).astype(np.uint8)


def style(
    figure: go.Figure,
    mode: Mode,
    *,
    title: str,
    subtitle: str = "",
    key: Sequence[Key] = (),
    body: int,
    alt: str,
    left: int = 0,
    right: int = 8,
    bottom: int = 44,
    labels: Sequence[Label] = (),
) -> go.Figure:
    """Apply the common layout in place and return the figure.

    ``title`` is the finding, ``subtitle`` the definition and ``key`` the key to the marks: what stands above the
    chart, HTML in ``layout.meta["head"]``. ``body`` is the height of the plot itself in pixels, ``left``, ``right``
    and ``bottom`` the room for ``labels`` (Plotly annotations) around it. The alternative text goes to
    ``layout.meta["alt"]``. Where the figure has set what is common, the common wins; its own
    annotations are replaced.
    """
    tone = palette(mode)
    layout = {
        "annotations": list(labels),
        "template": "none",
        "font": {"family": FONT, "size": TEXT_SIZE, "color": tone.text},
        "height": ABOVE + body + bottom,
        "margin": {"l": left, "r": right, "t": ABOVE, "b": bottom, "pad": 0},
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False, "hovermode": "closest", "dragmode": False,
        "hoverlabel": {"bgcolor": tone.background, "bordercolor": tone.muted, "font": {"color": tone.text}},
        "meta": {"alt": alt, "head": heading(title, subtitle, key)},
    }  # fmt: skip
    # All at once: Plotly's own ways of updating go through everything again with every value, ten times as long.
    own = {name: value for name, value in figure.layout.to_plotly_json().items() if name != "template"}
    figure.layout = _merged(own, layout | _quiet_axes(own, tone))
    for trace in figure.data:
        if trace.type in FADING:
            trace.unselected = {"marker": {"opacity": 1}}
    return figure


def _merged(own: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings, where both have one that of ``common``; lists are not mixed."""
    both = {
        name: _merged(own[name], value)
        for name, value in common.items()
        if isinstance(value, Mapping) and isinstance(own.get(name), Mapping)
    }
    return {**own, **common, **both}


def upright(x: float, colour: str, width: float = 1) -> dict[str, Any]:
    """Return a line (a Plotly shape) over the whole height of the plot."""
    line = {"color": colour, "width": width}
    return {"type": "line", "x0": x, "x1": x, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain", "line": line}


def _quiet_axes(layout: Mapping[str, Any], tone: Palette) -> dict[str, Any]:
    """Return the settings of all axes of a layout."""
    small = {"size": SMALL_SIZE, "color": tone.muted}
    common = {
        "fixedrange": True, "zeroline": False, "showline": False, "ticks": "",
        "gridcolor": tone.faint, "gridwidth": 1, "title": {"font": small, "standoff": 6},
    }  # fmt: skip
    xs, ys = ({name for name in layout if name.startswith(axis)} | {axis} for axis in ("xaxis", "yaxis"))
    return dict.fromkeys(xs, common | {"tickfont": small}) | dict.fromkeys(ys, common)
