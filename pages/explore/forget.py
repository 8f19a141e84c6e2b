"""Forget: choose a class and how strongly, and see what it does."""

from orthoui.ui.forget_panel import forget_panel

forget_panel()
