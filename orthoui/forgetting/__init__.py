"""Forgetting: activation profile, selection, attenuation, application."""
