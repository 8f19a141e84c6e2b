"""Evaluation: what a network predicts, and what that says about forgetting."""
