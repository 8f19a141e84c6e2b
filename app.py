"""OrthoUI."""
