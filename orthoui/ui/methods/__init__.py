"""The Methods page: choose methods, run them as jobs, see them side by side, look closer at some."""

from orthoui.ui.methods.panel import methods_panel
from orthoui.ui.methods.results import results_watch

__all__ = ["methods_panel", "results_watch"]
