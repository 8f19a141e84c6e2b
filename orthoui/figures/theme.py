"""One theme: colours with one meaning each, light and dark, and the layout that all figures share.

Categories are Okabe–Ito colours; in dark they are lightened until they stand out as much as on white.
A colour never speaks alone: every series also has its own symbol, dash or label.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb, sequential

from orthoui.figures.kinds import Bytes, Mode
from orthoui.figures.words import lines, markup

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'
TITLE_SIZE, TEXT_SIZE = 16, 13
# Characters that fit 340 pixels, the narrowest chart of a 390-pixel phone, in a wide system font.
TITLE_MEASURE, TEXT_MEASURE = 39, 50
TITLE_LINE, TEXT_LINE = 21, 17
# Titles are findings and change with every slider step: room for two lines is kept, so that nothing jumps.
TITLE_LINES = 2
CONFIG = {"displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClick": False}
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
        background="#FFFFFF",
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
        background="#0E1117",
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


@dataclass(frozen=True)
class Key:
    """One entry of a chart's key: a symbol in one or more colours, and what it stands for."""

    symbol: str
    colours: tuple[str, ...]
    label: str


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
) -> go.Figure:
    """Apply the common layout in place and return the figure.

    ``title`` is the finding, ``subtitle`` the definition, ``body`` the height of the plot itself in pixels and
    ``left``, ``right``, ``bottom`` the room for labels around it. The alternative text goes to
    ``layout.meta["alt"]``. An empty title leaves no room for one.
    """
    tone = palette(mode)
    title_lines = lines(title, TITLE_MEASURE)
    notes = [*([markup(lines(subtitle, TEXT_MEASURE))] if subtitle else []), *_key_lines(key)]
    reserved = TITLE_LINE * TITLE_LINES if title else 0
    titled = TITLE_LINE * len(title_lines)
    noted = TEXT_LINE * sum(note.count("<br>") + 1 for note in notes) + (16 if title or notes else 6)
    # One line beyond the reserved two is taken from the plot; a still longer title makes the figure taller.
    height = max(reserved, titled - TITLE_LINE) + noted + body + bottom
    figure.update_layout(
        template=None,
        font={"family": FONT, "size": TEXT_SIZE, "color": tone.text},
        height=height,
        margin={"l": left, "r": right, "t": max(reserved, titled) + noted, "b": bottom, "pad": 0},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False, hovermode="closest", dragmode=False,
        hoverlabel={"bgcolor": tone.background, "bordercolor": tone.muted, "font": {"color": tone.text}},
        meta={"alt": alt},
    )  # fmt: skip
    from_top = figure.layout.margin.t
    _head(figure, "title", f"<b>{markup(title_lines)}</b>", TITLE_SIZE, tone.text, left, from_top)
    _head(figure, "subtitle", "<br>".join(notes), TEXT_SIZE, tone.muted, left, from_top - titled - 2)
    _quiet_axes(figure, tone)
    # A click selects a point for the page; the others must not fade, or the chart would blink.
    for kind in ("scatter", "scattergl", "bar"):
        figure.update_traces(unselected={"marker": {"opacity": 1}}, selector={"type": kind})
    return figure


def _head(figure: go.Figure, name: str, text: str, size: int, colour: str, left: int, above: int) -> None:
    """Set a block of lines at the left edge, its top ``above`` pixels over the plot.

    Plotly's own title is cut off at the top when it has several lines; an annotation is not.
    """
    if text not in ("", "<b></b>"):
        figure.add_annotation(
            name=name, text=text, font={"size": size, "color": colour}, align="left", showarrow=False,
            borderpad=0, x=0, xref="paper", xanchor="left", xshift=-left,
            y=1, yref="paper", yanchor="top", yshift=above,
        )  # fmt: skip


def _quiet_axes(figure: go.Figure, tone: Palette) -> None:
    small = {"size": 12, "color": tone.muted}
    common = {
        "fixedrange": True, "zeroline": False, "showline": False, "ticks": "",
        "gridcolor": tone.faint, "gridwidth": 1, "title": {"font": small, "standoff": 6},
    }  # fmt: skip
    figure.update_xaxes(common | {"tickfont": small})
    figure.update_yaxes(common)


def _key_lines(key: Sequence[Key]) -> list[str]:
    """Set the key as text, filled line by line: a key of words wraps on a phone, Plotly's legend moves the plot."""
    rows: list[str] = []
    used = TEXT_MEASURE
    for entry in key:
        length = len(entry.symbol) * len(entry.colours) + len(entry.label) + 4
        marks = "".join(f'<span style="color:{colour}">{entry.symbol}</span>' for colour in entry.colours)
        text = f"{marks} {markup([entry.label])}"
        if used + length > TEXT_MEASURE:
            rows.append(text)
            used = length
        else:
            rows[-1] += f"   {text}"
            used += length
    return rows
