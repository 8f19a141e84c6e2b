"""Methods: every way to unlearn on the same model, images and clock."""

from orthoui.ui.methods.panel import methods_panel
from orthoui.ui.methods.results import results_watch

methods_panel()
results_watch()
