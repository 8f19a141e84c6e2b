"""The Methods page: choose methods, run them as jobs, see them side by side, look closer at some."""
