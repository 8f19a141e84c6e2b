"""The Channels page: what single channels see, what the plan does with them, and setting them by hand."""

from orthoui.ui.channels.choice import open_channel
from orthoui.ui.channels.panel import channels_panel

__all__ = ["channels_panel", "open_channel"]
