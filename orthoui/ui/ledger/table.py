"""Runs of the ledger as rows of a table."""

from typing import Any

import streamlit as st

from orthoui.ledger import Run
from orthoui.ui.jobs.words import kind_words

COLUMNS = {
    "asked for": st.column_config.DatetimeColumn("asked for", format="YYYY-MM-DD HH:mm", width=150),
    "what": st.column_config.TextColumn("what", width=260),
    "kind": st.column_config.TextColumn("kind", width=92),
    "state": st.column_config.TextColumn("state", width=96),
    "forgotten class": st.column_config.NumberColumn(
        "forgotten class", format="%.1f %%", help="Accuracy on the forgotten classes after forgetting."
    ),
    "other classes": st.column_config.NumberColumn(
        "other classes", format="%.1f %%", help="Accuracy on the retained classes after forgetting."
    ),
    "test": st.column_config.NumberColumn(
        "test images", format="%.1f %%", help="Accuracy of a trained model on all test images."
    ),
    "seconds": st.column_config.NumberColumn("seconds", format="%.2f", help="All measured stages together."),
    "tags": st.column_config.ListColumn("tags"),
}


def row(run: Run) -> dict[str, Any]:
    """Return one row; what was not measured stays empty."""
    accuracy = run.metrics.get("accuracy")
    return {
        "asked for": run.created.astimezone(),
        "what": run.title,
        "kind": kind_words(run.kind),
        "state": run.state,
        "forgotten class": _number(run.metrics.get("forget_accuracy")),
        "other classes": _number(run.metrics.get("retain_accuracy")),
        "test": _number(accuracy.get("test") if isinstance(accuracy, dict) else None),
        "seconds": run.seconds,
        "tags": list(run.tags),
        "model": run.model,
        "data set": run.dataset,
        "device": run.device,
        "error": run.error,
    }


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
