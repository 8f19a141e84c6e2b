"""The Paper page: every table's answer first, then printed, measured and difference, then how it was obtained."""

from orthoui.ui.paper.panel import paper_panel

__all__ = ["paper_panel"]
