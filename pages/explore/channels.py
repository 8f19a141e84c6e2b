"""Channels: what single channels see, what the plan does with them, and setting them by hand."""

from orthoui.ui.channels import channels_panel

channels_panel()
