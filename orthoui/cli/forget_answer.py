"""What ``orthoui forget`` shows to people: headline, verdict, table with intervals, timings."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orthoui.cli.common import NOT_MEASURED, plain_table
from orthoui.evaluation.outcome import Outcome
from orthoui.evaluation.summary import cost, headline, table
from orthoui.evaluation.verdict import judge

COLUMNS = (
    ("forget_accuracy", "forgotten"),
    ("retain_accuracy", "others"),
    ("membership_a", "taken for training images"),
    ("membership_b", "told from unseen"),
    ("distance_forget", "distance to retrained"),
)
NOTES = {
    "membership_a": "Taken for training images: share of the class's training images that an attacker still "
    "recognises (membership inference, convention A), ± spread.",
    "membership_b": "Told from unseen: how well an attacker tells them from unseen images of the class "
    "(convention B), ± spread; 50 % is guessing.",
    "distance_forget": "Distance to retrained: Jensen–Shannon divergence of the answers on forgotten images, 0 to "
    "0.69; in the retrained row, between two retrained models.",
}


def answer(outcome: Outcome) -> RenderableType:
    """Return headline, verdict, the table of all networks, and what was measured how."""
    rows = table(outcome)
    shown = [(key, head) for key, head in COLUMNS if any(row[key] is not None for row in rows)]
    notes = [Text(NOTES[key], style="dim") for key, _ in shown if key in NOTES]
    return Group(
        Text(headline(outcome), style="bold"),
        Text(judge(outcome).sentence),
        Text(),
        _table(rows, shown),
        Text(),
        *notes,
        Text(_measured_on(outcome, rows[0]), style="dim"),
        Text(_costs(outcome), style="dim"),
        *(Text(notice) for notice in outcome.notices),
    )


def _table(rows: list[dict[str, Any]], shown: list[tuple[str, str]]) -> Table:
    made = plain_table("network", *(head for _, head in shown), numbers=tuple(range(1, len(shown) + 1)))
    for row in rows:
        made.add_row(row["network"], *(_cell(row, key) for key, _ in shown))
    return made


def _cell(row: dict[str, Any], key: str) -> Text:
    value = row[key]
    if value is None:
        return Text(NOT_MEASURED, style="dim")
    if key == "distance_forget":
        return Text(f"{value:.3f}")
    if f"{key}_spread" in row:
        return Text(f"{value:.1f} %").append(f" ± {row[f'{key}_spread']:.1f}", style="dim")
    return Text(f"{value:.1f} %").append(f" ({row[f'{key}_low']:.1f}–{row[f'{key}_high']:.1f})", style="dim")


def _measured_on(outcome: Outcome, row: dict[str, Any]) -> str:
    against = f"Retrained reference: {outcome.reference}" if outcome.reference else "No retrained reference"
    return (
        f"{outcome.model}; {outcome.split} images: {row['n_forget']:,} forgotten, {row['n_retain']:,} others; "
        f"95 % intervals; seed {outcome.request.seed}. {against}."
    )


def _costs(outcome: Outcome) -> str:
    times = "; ".join(f"{name} {milliseconds:,.1f} ms" for name, milliseconds in outcome.timings_ms.items())
    return f"{cost(outcome)} to plan and apply. {times}; on {outcome.device} in {outcome.precision}."
