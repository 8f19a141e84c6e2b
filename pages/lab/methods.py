"""Methods: every way to unlearn on the same model, images and clock."""

from orthoui.ui.methods import methods_panel, results_watch

methods_panel()
results_watch()
