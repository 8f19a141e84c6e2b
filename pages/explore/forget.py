"""Forget: choose a class and how strongly, and see what it does."""

from orthoui.ui.forget_panel import forget_panel
from orthoui.ui.images import images_watch
from orthoui.ui.tuning_panel import tuning_watch

forget_panel()
tuning_watch()
images_watch()
