"""Heatmaps: where the network looks, before and after."""

from orthoui.ui.heatmaps import heatmaps_panel

heatmaps_panel()
