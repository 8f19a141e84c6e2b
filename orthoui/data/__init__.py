"""Data sets and splits; uploads; preparing images for a network."""

from orthoui.data import fashion_mnist as _fashion_mnist  # noqa: F401  registers the embedded data set
from orthoui.data.catalog import DATASETS, dataset_names, dataset_title, fetch_dataset, how_to_get, load_dataset
from orthoui.data.imageset import SPLITS, Dataset, ImageSet, Split, balanced_positions, class_indices, class_words
from orthoui.data.listing import DatasetEntry, available

__all__ = [
    "DATASETS",
    "SPLITS",
    "Dataset",
    "DatasetEntry",
    "ImageSet",
    "Split",
    "available",
    "balanced_positions",
    "class_indices",
    "class_words",
    "dataset_names",
    "dataset_title",
    "fetch_dataset",
    "how_to_get",
    "load_dataset",
]
