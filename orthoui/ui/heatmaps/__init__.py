"""The Heatmaps page: where the network looks before and after, and like whom."""

from orthoui.ui.heatmaps.panel import heatmaps_panel

__all__ = ["heatmaps_panel"]
