"""Training: the orthogonality penalty, recipes, the loop."""
