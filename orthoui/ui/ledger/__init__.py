"""Every run that was ever made, on the Runs page: filter, sort, tag, delete, export, open."""

from orthoui.ui.ledger.panel import ledger_panel

__all__ = ["ledger_panel"]
