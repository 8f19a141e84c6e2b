"""Tables as HTML: what is measured, what is printed under it, the difference in colour and in words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from orthoui.paper.curves import QUANTITY_WORDS, number, unmeasured
from orthoui.paper.printed import Quantity
from orthoui.paper.schema import Cell
from orthoui.ui.paper.ways import Way, Ways
from orthoui.ui.paper.words import difference_words, draw_words, how, verdict

CLASSES = {"as printed": "same", "better": "better", "worse": "worse", "higher": "neutral", "lower": "neutral"}
Linked = tuple[Cell, Ways]
"""A cell with the links of its table."""


@dataclass(frozen=True)
class Column:
    """One column: its head, the line above it that it shares with its neighbours, and which number it shows."""

    group: str
    quantity: Quantity

    @property
    def head(self) -> str:
        """What the column shows."""
        return QUANTITY_WORDS[self.quantity]


def table_html(cells: Iterable[Linked], *, readings_are_rows: bool = True) -> str:
    """Return cells as a table; every text in it is escaped. Readings of equation (16) are rows, or else columns."""
    rows: dict[tuple[str, str], dict[Column, Linked]] = {}
    columns: list[Column] = []
    for cell, ways in cells:
        reading = f"read as “{cell.reading}”" if cell.reading else ""
        row = (cell.row, reading if readings_are_rows else "")
        group = cell.column if readings_are_rows else " · ".join(part for part in (cell.column, reading) if part)
        for quantity in cell.quantities:
            column = Column("" if group == cell.reading else group, quantity)
            columns += [] if column in columns else [column]
            rows.setdefault(row, {})[column] = (cell, ways)
    groups = list(dict.fromkeys(column.group for column in columns))
    columns.sort(key=lambda column: groups.index(column.group))
    body = "".join(_row(name, reading, found, columns) for (name, reading), found in rows.items())
    return f'<div class="paper"><table><thead>{_heads(columns)}</thead><tbody>{body}</tbody></table></div>'


def _heads(columns: Sequence[Column]) -> str:
    groups = list(dict.fromkeys(column.group for column in columns))
    spans = [(group, sum(column.group == group for column in columns)) for group in groups]
    above = "".join(f'<th scope="colgroup" colspan="{span}">{escape(group)}</th>' for group, span in spans)
    heads = "".join(f'<th scope="col">{escape(column.head)}</th>' for column in columns)
    first = f"<tr><td></td>{above}</tr>" if any(groups) else ""
    return f"{first}<tr><td></td>{heads}</tr>"


def _row(name: str, reading: str, found: dict[Column, Linked], columns: Sequence[Column]) -> str:
    under = f'<span class="under">{escape(reading)}</span>' if reading else ""
    cells = "".join(_cell(*found[column], column.quantity) if column in found else "<td></td>" for column in columns)
    return f'<tr><th scope="row">{escape(name)}{under}</th>{cells}</tr>'


def _cell(cell: Cell, ways: Ways, quantity: Quantity) -> str:
    found = cell.measured.get(quantity)
    if found is None:
        more = cell.advice or "This number cannot be measured here."
        mark = f'<span class="none">{unmeasured(cell)}</span>'
        return (
            f'<td><details name="paper-cell"><summary title="{escape(more)}">{mark}</summary>'
            f'<p class="how">{_sentences(more)}{_link(ways.of_cell(cell))}</p></details>'
            f"{_printed(cell, quantity)}</td>"
        )
    spread = "" if found.spread is None else f' <span class="light">± {_bare(quantity, found.spread)}</span>'
    sentences = how(cell, quantity)
    return (
        f'<td><details name="paper-cell"><summary title="{escape(" ".join(sentences))}">'
        f"<b>{number(quantity, found.mean)}</b>{spread}</summary>"
        f'<p class="how">{_sentences(" ".join(sentences))}</p>{_draws(cell, ways, quantity)}</details>'
        f"{_printed(cell, quantity)}</td>"
    )


def _sentences(text: str) -> str:
    """Return escaped sentences in which a command stands as one."""
    return re.sub("“(orthoui [^”]+)”", r"<code>\1</code>", escape(text))


def _bare(quantity: Quantity, value: float) -> str:
    return number(quantity, value).split()[0]


def _link(way: Way | None) -> str:
    return "" if way is None else f' <a href="{escape(way.address)}" target="_self">{escape(way.words)}</a>'


def _draws(cell: Cell, ways: Ways, quantity: Quantity) -> str:
    lines = []
    for draw in cell.draws:
        opens = _link(ways.of_draw(cell, draw)) or " (its network is not on this machine)"
        lines.append(f"<li>{escape(draw_words(draw, quantity))}{opens}</li>")
    trained = [f"Its network: “{command}”." for command in ways.commands(cell)]
    more = "".join(f'<p class="how">{_sentences(text)}</p>' for text in (*trained, cell.advice) if text)
    return f'<ul class="how">{"".join(lines)}</ul>{more}'


def _printed(cell: Cell, quantity: Quantity) -> str:
    if quantity not in cell.printed:
        return ""
    printed = f"printed {number(quantity, cell.printed[quantity])}"
    if not cell.comparable:
        return f'<span class="under" title="printed for {escape(cell.printed_for)}, width 64">{printed}</span>'
    found = verdict(cell, quantity)
    words = f' <i class="{CLASSES[found]}">{difference_words(cell, quantity)}</i>' if found else ""
    return f'<span class="under"><span>{printed}</span>{words}</span>'
