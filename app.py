"""OrthoUI's entry point for Streamlit: navigation and page frame only."""

from orthoui.ui.frame import navigation

navigation()
