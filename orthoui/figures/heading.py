"""What stands above a chart: its finding, its definition and the key to its marks, as HTML that breaks as it must.

Plotly breaks no lines: a title inside the chart is as wide on a desk as on the narrowest phone, or it is cut off.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orthoui.figures.words import markup


@dataclass(frozen=True)
class Key:
    """One entry of a chart's key: a symbol in one or more colours, and what it stands for."""

    symbol: str
    colours: tuple[str, ...]
    label: str


def heading(title: str, subtitle: str = "", key: Sequence[Key] = ()) -> str:
    """Return the HTML above a chart, empty where there is nothing to say; ``assets/style.css`` sets how it looks."""
    parts = [
        f"<b>{_as_html(title)}</b>" if title else "",
        f"<p>{_as_html(subtitle)}</p>" if subtitle else "",
        f"<p>{' '.join(map(_entry, key))}</p>" if key else "",
    ]
    return f'<div class="chart-head">{"".join(parts)}</div>' if any(parts) else ""


def _entry(entry: Key) -> str:
    marks = "".join(f'<span style="color:{colour}">{entry.symbol}</span>' for colour in entry.colours)
    return f'<i><span aria-hidden="true">{marks}</span> {_as_html(entry.label)}</i>'


def _as_html(text: str) -> str:
    """Escape a text, which may repeat names of foreign classes; a number keeps its unit on the same line."""
    return markup(text.replace(" %", "\u00a0%"))
