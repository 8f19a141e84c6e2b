"""Runs: this session's forgettings, side by side."""

from orthoui.ui.runs_panel import runs_panel

runs_panel()
