"""Heatmaps: where the network looks, before and after."""

from orthoui.ui.heatmaps import heatmaps_panel
from orthoui.ui.images import images_watch

heatmaps_panel()
images_watch()
