"""Channels: what single channels see, what the plan does with them, and setting them by hand."""

from orthoui.ui.channels import channels_panel
from orthoui.ui.images import images_watch

channels_panel()
images_watch()
