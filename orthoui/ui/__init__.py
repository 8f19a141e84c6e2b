"""Everything the pages share that needs Streamlit: the view, the controls, the frame."""
