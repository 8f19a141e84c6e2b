"""OrthoUI: watch a trained network forget a class, and judge from evidence whether it did."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("orthoui")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
