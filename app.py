"""OrthoUI's entry point for Streamlit: navigation and page frame only."""

import sys
from importlib import import_module

import streamlit as st

FRAME = "orthoui.ui.frame"

if not hasattr(sys.modules.get(FRAME), "navigation"):  # the first visitors after a start need not see nothing
    waiting = st.empty()
    waiting.caption("Starting: libraries are being loaded …")
    try:
        import_module(FRAME)
    finally:
        waiting.empty()

from orthoui.ui.frame import navigation  # noqa: E402

navigation()
