"""Architectures, checkpoints, and the models there are."""
