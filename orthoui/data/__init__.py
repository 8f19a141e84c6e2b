"""Data sets and splits; uploads; preparing images for a network."""

from orthoui.data import fashion_mnist as _fashion_mnist  # noqa: F401  registers the embedded data set
from orthoui.data.catalog import DATASETS, load_dataset
from orthoui.data.imageset import SPLITS, Dataset, ImageSet, Split, balanced_positions

__all__ = ["DATASETS", "SPLITS", "Dataset", "ImageSet", "Split", "balanced_positions", "load_dataset"]
