"""Measures how fast every stage is, against the bare network on the same machine and in the same run."""
