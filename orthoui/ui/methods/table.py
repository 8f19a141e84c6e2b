"""The results as a table: as measured, with intervals or gaps to the retrained model, or beside the paper's."""

from collections.abc import Sequence
from typing import Any, Literal

import streamlit as st

from orthoui.jobs.results import Measure, MethodRow, gaps, times
from orthoui.methods import METHODS
from orthoui.methods.base import ORIGINS
from orthoui.models.card import ModelCard
from orthoui.paper.printed import FORGET_CLASS, PAPER_WIDTH, Quantity, printed
from orthoui.ui.methods.words import HEADS, PERCENT, interval_words, seconds_words

PAPER_NAMES = {
    "retrain": "Retrain", "ssd": "SSD", "unsir": "EMNI", "tfidf-pruning": "TF-IDF", "soft-pruning": "OSP",
}  # fmt: skip
"""The methods of the paper's Table 2 by their names there."""
PRINTED: dict[Quantity, tuple[Measure | Literal["seconds"], str]] = {
    "forget_accuracy": ("forget_test", "forgotten class"),
    "retain_accuracy": ("retain_test", "other classes"),
    "membership": ("membership_a", "recognised"),
    "seconds": ("seconds", "seconds"),
}


def columns(mode: str) -> dict[str, Any]:
    """Return how every column is shown."""
    made: dict[str, Any] = {"method": st.column_config.TextColumn("method", width=168, pinned=True)}
    for name, (head, words) in HEADS.items():
        digits = 3 if name == "distance" else 1
        unit = " %%" if name in PERCENT else ""
        if mode == "interval":
            unit = " (%)" if name in PERCENT else ""
            ends = "fewest and most steps" if name == "relearn" else "95 % interval"
            made[name] = st.column_config.TextColumn(head + unit, help=f"{words} In brackets: {ends}.")
            continue
        made[name] = st.column_config.NumberColumn(head, format=f"%.{digits}f{unit}", help=words)
        made[gap_of(name)] = st.column_config.NumberColumn(
            "gap", format=f"%+.{digits}f", help=f"{head.capitalize()}: the difference to the retrained model's."
        )
    made["seconds"] = st.column_config.NumberColumn(
        "seconds", format="%.2f", help="Of unlearning alone: statistics, edit and optimisation; not its measurement."
    )
    made["times"] = st.column_config.NumberColumn(
        "× faster", format="%.1f", help="Than retraining: its seconds divided by the method's."
    )
    made["samples"] = st.column_config.NumberColumn("images read", format="localized", help="Repeats included.")
    made["passes"] = st.column_config.NumberColumn(
        "passes", format="localized", help="Forward and backward passes of one image each."
    )
    made["settings"] = st.column_config.TextColumn("settings", width=320)
    return made


def settings_words(row: MethodRow) -> str:
    """Say how long a run took and what was set in it."""
    if row.trained_before:
        return f"{seconds_words(row.seconds)}, trained before"
    asked, used = row.run.request.get("settings", {}), row.run.metrics.get("request", {})
    if "attenuation" in used:  # soft pruning and its control start from the model's recommended setting
        started = {name: used.get(name) for name in ("ratio", "strength", "attenuation", "score", "target", "scope")}
        asked = started | asked
    changed = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in asked.items())
    method = METHODS[row.run.method] if row.run.method in set(METHODS) else None
    defaults = "defaults" if method is None or method.departs else ORIGINS[method.defaults]
    return f"{seconds_words(row.seconds)}; {changed or defaults}"


def named(row: MethodRow) -> str:
    """Return a row's name; a retrained model that lay ready says so."""
    return f"{row.title} (trained before)" if row.trained_before else row.title


def cells(row: MethodRow, against: MethodRow | None, mode: str, *, settings: bool) -> dict[str, Any]:
    """Return one row, with its settings where a method has several runs; what was not measured stays empty."""
    return {
        "method": named(row),
        **_measured(row, against, mode),
        "seconds": row.seconds,
        "times": times(row, against),
        "samples": row.samples,
        "passes": row.passes,
        **({"settings": settings_words(row)} if settings else {}),
    }


def gap_of(measure: Measure) -> str:
    """Return the name of the column that holds a measure's gap to the retrained model."""
    return f"{measure}_gap"


def _measured(row: MethodRow, against: MethodRow | None, mode: str) -> dict[str, Any]:
    """Return what was measured of one row, each number beside its gap where gaps are asked for."""
    if mode == "interval":
        return {name: interval_words(row, name) for name in HEADS}
    if mode != "gap":
        return {name: row.values.get(name) for name in HEADS}
    missing = gaps(row, against)
    pairs = [((name, row.values.get(name)), (gap_of(name), missing.get(name))) for name in HEADS]
    return dict(cell for pair in pairs for cell in pair)


def not_comparable(card: ModelCard, classes: Sequence[int]) -> str | None:
    """Return why the paper's Table 2 has no row for this setting; None where it has."""
    known = {(row.dataset, row.architecture) for row in printed().table_2}
    if (card.dataset, card.architecture) not in known:
        return f"The paper's Table 2 has no {card.title.split(',')[0]} on this data set."
    if card.width != PAPER_WIDTH:
        return f"The paper's networks have width {PAPER_WIDTH}; this one has {card.width}, so nothing is laid beside."
    if len(classes) != 1:
        return "The paper's Table 2 forgets one class at a time."
    return None


def cautions(card: ModelCard, classes: Sequence[int]) -> str:
    """Say what differs from the paper's setting although its Table 2 is laid beside."""
    found = []
    if card.dataset == "cifar10" and tuple(classes) != (FORGET_CLASS,):
        found.append(f"the paper's class is taken to be {card.classes[FORGET_CLASS]}")
    if not card.orthogonality:
        found.append("its networks are orthogonal, this one is plain")
    found.append("its soft pruning runs at ratio 0.05 and strength 0.4; here each run has its own setting")
    return "; ".join(found)


def beside_paper(rows: Sequence[MethodRow], card: ModelCard) -> list[dict[str, Any]]:
    """Return measured and printed side by side, for the methods that the paper compares."""
    found = {row.method: row.values for row in printed().table_2 if _same(row, card)}
    lines = []
    for row in rows:
        name = PAPER_NAMES.get(row.run.method or "")
        if name not in found:
            continue
        line: dict[str, Any] = {"method": f"{row.title} ({name})"}
        for quantity, (mine, head) in PRINTED.items():
            here = row.seconds if mine == "seconds" else row.values.get(mine)
            line[f"{head}, here"] = here
            line[f"{head}, printed"] = found[name].get(quantity)
        lines.append(line)
    return lines


def _same(row: Any, card: ModelCard) -> bool:
    return (row.dataset, row.architecture) == (card.dataset, card.architecture)
